{# The fifth of all rows in which a value lies, 1 (least) to 5; equal values lie in the same one. #}
{% macro fifth(value) -%}
    cast(1 + floor((rank() over (order by {{ value }}) - 1) * 5.0 / count(*) over ()) as {{ dbt.type_bigint() }})
{%- endmacro %}
