{# What differs between engines lives in this folder, one macro each, nothing else does. #}

{# Text of a JSON object -> struct of the given fields, parsed once; null where the text is no JSON.
   `fields` maps a name to 'text' or to a nested map. Absent or null fields are null. #}
{% macro typed_json(payload, fields) -%}
    {{ return(adapter.dispatch("typed_json")(payload, fields)) }}
{%- endmacro %}

{% macro duckdb__typed_json(payload, fields) -%}
    try(json_transform({{ payload }}, '{{ tojson(_duckdb_json_types(fields)) }}'))
{%- endmacro %}

{% macro _duckdb_json_types(fields) -%}
    {%- set types = {} -%}
    {%- for name, type in fields.items() -%}
        {%- do types.update({name: _duckdb_json_types(type) if type is mapping else "VARCHAR"}) -%}
    {%- endfor -%}
    {{ return(types) }}
{%- endmacro %}

{# A JSON object as text from a map of name -> expression; keys in the order given. #}
{% macro json_text(pairs) -%}
    {{ return(adapter.dispatch("json_text")(pairs)) }}
{%- endmacro %}

{% macro duckdb__json_text(pairs) -%}
    cast(json_object(
        {%- for name, value in pairs.items() %}'{{ name }}', {{ value }}{{ ", " if not loop.last }}{% endfor -%}
    ) as varchar)
{%- endmacro %}

{# Ordered list of texts as one text: `value`s of a group, by `order_by`, cut after `most`. #}
{% macro ordered_list(value, order_by, most=5) -%}
    {{ return(adapter.dispatch("ordered_list")(value, order_by, most)) }}
{%- endmacro %}

{% macro duckdb__ordered_list(value, order_by, most) -%}
    array_to_string(list({{ value }} order by {{ order_by }})[1:{{ most }}], ', ')
{%- endmacro %}
