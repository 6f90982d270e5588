{# A surrogate key: hash of the parts, null-safe, parts kept apart. #}
{% macro key(parts) -%}
    {{ dbt.hash(dbt.concat(_key_parts(parts))) }}
{%- endmacro %}

{% macro _key_parts(parts) -%}
    {%- set pieces = [] -%}
    {%- for part in parts -%}
        {%- if not loop.first %}{% do pieces.append("'|'") %}{% endif -%}
        {%- do pieces.append("coalesce(cast(" ~ part ~ " as " ~ dbt.type_string() ~ "), '')") -%}
    {%- endfor -%}
    {{ return(pieces) }}
{%- endmacro %}

{# The node of an identifier that a source gives as it is: user ids, devices, loyalty cards.
   `space` keeps equal ids of unrelated sources apart. Emails and phones get theirs in Python. #}
{% macro node(type, value, space="'main'") -%}
    case when {{ value }} is not null then {{ key(["'" ~ type ~ "'", space, value]) }} end
{%- endmacro %}

{# A stable number from 0 to 99 for holdouts and variants, from the key of whom or what is split. #}
{% macro percentile_of(parts) -%}
    mod({{ hex_number("substr(" ~ key(parts) ~ ", 1, 7)") }}, 100)
{%- endmacro %}

{# Sorts by moment, ties broken by key: the second argument of max_by and min_by. Padded, because
   moments before September 2001 have a digit less. #}
{% macro moment_key(moment, key) -%}
    concat(lpad(cast({{ to_millis(moment) }} as {{ dbt.type_string() }}), 15, '0'), {{ key }})
{%- endmacro %}
