{# The part of all rows in which a value lies, 1 (least) to `parts`; equal values lie in the same one. #}
{% macro part_of(value, parts) -%}
    cast(1 + floor((rank() over (order by {{ value }}) - 1) * {{ parts }}.0 / count(*) over ()) as {{ dbt.type_bigint() }})
{%- endmacro %}

{% macro fifth(value) -%}
    {{ part_of(value, 5) }}
{%- endmacro %}

{% macro third(value) -%}
    {{ part_of(value, 3) }}
{%- endmacro %}
