{# What somebody said in words of their own, so that equal words are equal: lower case, without
   punctuation and doubled spaces; null where it is empty, longer than `most` signs, or may hold an
   address (an @, or six digits). #}
{% macro plain_words(text, most=80) -%}
    case
        when
            {{ text }} not like '%@%'
            and length({{ text }}) - length(translate({{ text }}, '0123456789', '')) < 6
            and length({{ text }}) <= {{ most }}
            then nullif(trim(replace(replace(replace(
                translate(lower({{ text }}), '-{{ "\n\t\r" }}.,;:!?"()<>', '    '), ' ', '<>'
            ), '><', ''), '<>', ' ')), '')
    end
{%- endmacro %}

{# An answer out of a list, as one word (not_interested), whoever spells it Not interested. Words of
   one's own are none: an answer of more than 40 signs, or with an address in it. #}
{% macro choice(text) -%}
    replace({{ plain_words(text, 40) }}, ' ', '_')
{%- endmacro %}
