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

{# What fuzzy rules believe in, all of it. Evidence is counted in bits: one bit makes it twice as likely
   that two records are one person's, three make it eight times. `odds`: a pair is believed from eight
   to one. `sure`: a thousand to one, by which the customers who are there twice are counted; `twice`:
   where none is that sure, one in a hundred is taken to be. `against`: a name, birth date or street
   that differs is the same person's once in eight times; `moved`: another town once in two. `home`: of
   a surname, an address and a mailbox all that they can make is four to one, since families share
   them. `near`: what is mistyped is worth half of the same. `names`: a spelling of more people than
   these is a name, no slip of the pen. #}
{% macro fuzzy(name) -%}
    {{ {
        "odds": 3, "sure": 10, "twice": "0.01", "against": 3, "moved": 1, "home": 2, "near": "0.5", "names": 8,
    }[name] }}
{%- endmacro %}

{# How rare something is, in bits: what `some` of `all` have. Rounded once, so that engines agree. #}
{% macro bits(all, some) -%}
    cast(round((ln(nullif({{ all }}, 0)) - ln(nullif({{ some }}, 0))) / ln(2), 2) as numeric(9, 2))
{%- endmacro %}

{# What a mistyped value is worth: a part of what the more usual of both spellings is. #}
{% macro near_bits(column, other_column) -%}
    {{ fuzzy("near") }} * least(ra.{{ column }}_bits, rb.{{ other_column }}_bits)
{%- endmacro %}

{# What two names (columns of the records `a` and `b`, with their rarity in `ra` and `rb`) say of being
   one person's, in bits: the same, a longer form of the other or mistyped, an initial or not known,
   another. Gary and Mary are two names, though a letter apart. #}
{% macro name_bits(column, other_column) -%}
    {%- set a, b = "a." ~ column, "b." ~ other_column -%}
    {%- set shorter = "least(length(" ~ a ~ "), length(" ~ b ~ "))" -%}
    case
        when {{ a }} is null or {{ b }} is null then 0
        when {{ shorter }} = 1
            then case when substr({{ a }}, 1, 1) = substr({{ b }}, 1, 1) then 0 else -{{ fuzzy("against") }} end
        when {{ a }} = {{ b }} then least(ra.{{ column }}_bits, rb.{{ other_column }}_bits)
        when {{ shorter }} >= 3 and substr({{ a }}, 1, {{ shorter }}) = substr({{ b }}, 1, {{ shorter }})
            then {{ near_bits(column, other_column) }}
        when not (ra.is_{{ column }}_usual and rb.is_{{ other_column }}_usual) and {{ is_mistyped(a, b) }}
            then {{ near_bits(column, other_column) }}
        else -{{ fuzzy("against") }}
    end
{%- endmacro %}

{# How people who share a home are told apart, whatever speaks for one person: `twin` (only the first
   name differs), `parent` (of the same name, a generation apart), `sibling` (almost of the same name,
   years apart; husband and wife too); else `alike`. #}
{% macro family_verdict() -%}
    case
        when first_bits < 0 and not is_swapped and is_all_but_first_name then 'twin'
        when is_one_name and birth_bits < 0 and months_apart between 12 * 16 and 12 * 45 then 'parent'
        when
            first_bits > 0 and birth_bits < 0 and months_apart <= 12 * 12 and home_bits > 0 and not is_one_name
            then 'sibling'
        else 'alike'
    end
{%- endmacro %}
