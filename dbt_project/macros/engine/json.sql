{# What differs between engines lives in this folder, one macro each, nothing else does. #}

{# Text of a JSON object -> struct of the given fields, parsed once; null where the
   text is no JSON object.
   `fields` maps a name to 'text' or to a nested map. Absent or null fields are null. #}
{% macro typed_json(payload, fields) -%}
    {{ return(adapter.dispatch("typed_json")(payload, fields)) }}
{%- endmacro %}

{% macro duckdb__typed_json(payload, fields) -%}
    case
        when substr(ltrim({{ payload }}), 1, 1) = '{'
            then try(json_transform({{ payload }}, '{{ tojson(_duckdb_json_types(fields)) }}'))
    end
{%- endmacro %}

{# A field of another type makes a struct null there, and marks the whole as corrupt: then, and only
   then, the text is read a second time to learn whether it is JSON at all. #}
{% macro spark__typed_json(payload, fields) -%}
    {%- set parsed = "from_json(" ~ payload ~ ", '" ~ _spark_json_types(fields) ~ ", _corrupt_record string')" -%}
    case
        when substr(ltrim({{ payload }}), 1, 1) = '{' and (
            {{ parsed }}._corrupt_record is null or try_parse_json({{ payload }}) is not null
        ) then {{ parsed }}
    end
{%- endmacro %}

{% macro _spark_json_types(fields) -%}
    {%- set types = [] -%}
    {%- for name, type in fields.items() -%}
        {%- do types.append(name ~ (" struct<" ~ _spark_json_types(type) ~ ">" if type is mapping else " string")) -%}
    {%- endfor -%}
    {{ return(types | join(", ")) }}
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

{% macro spark__json_text(pairs) -%}
    to_json(named_struct(
        {%- for name, value in pairs.items() %}'{{ name }}', {{ value }}{{ ", " if not loop.last }}{% endfor -%}
    ), map('ignoreNullFields', 'false'))
{%- endmacro %}

{# Ordered list of texts as one text: `value`s of a group, by `order_by`, cut after `most`. #}
{% macro ordered_list(value, order_by, most=5) -%}
    {{ return(adapter.dispatch("ordered_list")(value, order_by, most)) }}
{%- endmacro %}

{% macro duckdb__ordered_list(value, order_by, most) -%}
    array_to_string(list({{ value }} order by {{ order_by }})[1:{{ most }}], ', ')
{%- endmacro %}

{# Aggregated with a separator that no text has, since a list cannot be ordered by other columns. #}
{% macro spark__ordered_list(value, order_by, most) -%}
    array_join(slice(split(
        listagg({{ value }}, char(31)) within group (order by {{ order_by }}), char(31)
    ), 1, {{ most }}), ', ')
{%- endmacro %}
