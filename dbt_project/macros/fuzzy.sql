{# Condition: people are also told by name, birth date and address. The setting is off by default; what
   hangs on it is empty then. #}
{% macro fuzzy_identity() -%}
    {{ "1 = 1" if var("fuzzy_identity", false) else "1 = 0" }}
{%- endmacro %}

{# A text as it is compared: lower case, without accents, signs and spaces; null where nothing is left.
   Of another script than Latin all of it counts or nothing, since engines measure its letters
   differently: it becomes a hash. #}
{% macro comparable(text) -%}
    {%- set marks = " .,:;!?&/+_()'’`´#\"" ~ "-" -%}
    {%- set plain -%}
        translate(translate(replace(replace(replace(replace(
            lower({{ text }}), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
            'àáâãäåāăąçćčďđèéêëēėęěğìíîïīįıłľñńňòóôõöøōőŕřśšşșťţțùúûüūůűųýÿžźż',
            'aaaaaaaaacccddeeeeeeeegiiiiiiillnnnoooooooorrsssstttuuuuuuuuyyzzz'
        ), '{{ marks | replace("'", "''") }}', '')
    {%- endset -%}
    nullif(case
        when translate({{ plain }}, 'abcdefghijklmnopqrstuvwxyz0123456789', '') = '' then {{ plain }}
        else {{ dbt.hash(plain) }}
    end, '')
{%- endmacro %}

{# Condition: two comparable texts are one, mistyped: one letter of three or four, two of more (a pair
   of letters swapped is two), and of long texts (addresses) a quarter. #}
{% macro is_mistyped(a, b, is_long=false) -%}
    levenshtein({{ a }}, {{ b }}) <=
    {%- if is_long %} floor(greatest(length({{ a }}), length({{ b }})) / 4)
    {%- else %} case
        when greatest(length({{ a }}), length({{ b }})) >= 5 then 2
        when greatest(length({{ a }}), length({{ b }})) >= 3 then 1
        else 0
    end
    {%- endif %}
{%- endmacro %}

{# What two names say of being one person's, in points: the same, a longer form of the other or
   mistyped, an initial or not known, another. #}
{% macro name_points(a, b) -%}
    case
        when {{ a }} is null or {{ b }} is null then 0
        when {{ a }} = {{ b }} then 4
        when least(length({{ a }}), length({{ b }})) = 1
            then case when substr({{ a }}, 1, 1) = substr({{ b }}, 1, 1) then 0 else -2 end
        when {{ is_mistyped(a, b) }} then 3
        when least(length({{ a }}), length({{ b }})) >= 3
            and substr({{ a }}, 1, least(length({{ a }}), length({{ b }})))
            = substr({{ b }}, 1, least(length({{ a }}), length({{ b }}))) then 3
        else -2
    end
{%- endmacro %}

{# What the first names of a pair mean: `alike`; `other` where they differ and birth date and place don't
   make up for it, or are not known and the birth dates don't; or how people who share a home are told apart: `twin` (only the
   first name differs), `parent` (of the same name, a generation apart), `sibling` (almost of the same
   name, years apart; husband and wife too). #}
{% macro first_name_verdict() -%}
    case
        when is_swapped and swapped_points >= 3 then 'alike'
        when first_points < 0 and last_points = 4 and birth_points = 7 and home_points = 8 then 'twin'
        when first_points = 4 and last_points = 4 and birth_points = -5 and is_a_generation_apart then 'parent'
        when first_points = 3 and birth_points = -3 and home_points > 0 then 'sibling'
        when first_points > 0 and not is_swapped then 'alike'
        when birth_points = 7 and (place_points > 0 or mailbox_points > 0) then 'alike'
        when first_points = 0 and is_birth_known and birth_points >= 0 then 'alike'
        else 'other'
    end
{%- endmacro %}
