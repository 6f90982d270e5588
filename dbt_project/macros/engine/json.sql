{# What differs between engines lives in this folder, one macro each, nothing else does. #}

{# Text of a JSON object -> struct of the given fields, parsed once; null where the
   text is no JSON object.
   `fields` maps a name to its type: 'text'; a nested map; a list of one type, for a list of those
   ([{"sku": "text"}], ["text"]); or 'pairs', for an object of any keys (map_entries gives them).
   Absent or null fields are null, also those of another type (of a list with an entry of another
   type, some engines keep the others). #}
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
    {%- for name, type in fields.items() -%}{%- do types.append("`" ~ name ~ "` " ~ _spark_json_type(type)) -%}{%- endfor -%}
    {{ return(types | join(", ")) }}
{%- endmacro %}

{% macro _spark_json_type(type) -%}
    {%- if type is mapping -%}{{ return("struct<" ~ _spark_json_types(type) ~ ">") }}
    {%- elif type is not string -%}{{ return("array<" ~ _spark_json_type(type[0]) ~ ">") }}
    {%- endif -%}
    {{ return("map<string, string>" if type == "pairs" else "string") }}
{%- endmacro %}

{% macro _duckdb_json_types(fields) -%}
    {%- set types = {} -%}
    {%- for name, type in fields.items() -%}{%- do types.update({name: _duckdb_json_type(type)}) -%}{%- endfor -%}
    {{ return(types) }}
{%- endmacro %}

{% macro _duckdb_json_type(type) -%}
    {%- if type is mapping -%}{{ return(_duckdb_json_types(type)) }}
    {%- elif type is not string -%}{{ return([_duckdb_json_type(type[0])]) }}
    {%- endif -%}
    {{ return("MAP(VARCHAR, VARCHAR)" if type == "pairs" else "VARCHAR") }}
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

{# A relation with one row for each entry of its column `list`: all columns of the relation, `item`
   (the entry) and `position` (from 1). No row where the list is empty or null. #}
{% macro exploded(relation, list) -%}
    {{ return(adapter.dispatch("exploded")(relation, list)) }}
{%- endmacro %}

{% macro duckdb__exploded(relation, list) -%}
    (select *, unnest({{ list }}) as item, generate_subscripts({{ list }}, 1) as position from {{ relation }})
{%- endmacro %}

{% macro spark__exploded(relation, list) -%}
    (
        select r.*, l.item, cast(l.at + 1 as bigint) as position
        from {{ relation }} as r lateral view posexplode(r.{{ list }}) l as at, item
    )
{%- endmacro %}

{# From a list of structs, the field `field` of the first whose field `by` is the text `is`. #}
{% macro field_where(list, by, is, field) -%}
    {{ return(adapter.dispatch("field_where")(list, by, is, field)) }}
{%- endmacro %}

{% macro duckdb__field_where(list, by, is, field) -%}
    list_filter({{ list }}, lambda x: x.{{ by }} = '{{ is }}')[1].{{ field }}
{%- endmacro %}

{% macro spark__field_where(list, by, is, field) -%}
    get(filter({{ list }}, x -> x.{{ by }} = '{{ is }}'), 0).{{ field }}
{%- endmacro %}

{# A field of a struct whose name has signs in it, as trackers' own do ($device_id). #}
{% macro field_named(struct, name) -%}
    {{ return(adapter.dispatch("field_named")(struct, name)) }}
{%- endmacro %}

{% macro duckdb__field_named(struct, name) -%}
    {{ struct }}."{{ name }}"
{%- endmacro %}

{% macro spark__field_named(struct, name) -%}
    {{ struct }}.`{{ name }}`
{%- endmacro %}

{# The first entry of a list; null where there is none. #}
{% macro first_of(list) -%}
    {{ return(adapter.dispatch("first_of")(list)) }}
{%- endmacro %}

{% macro duckdb__first_of(list) -%}
    {{ list }}[1]
{%- endmacro %}

{% macro spark__first_of(list) -%}
    get({{ list }}, 0)
{%- endmacro %}
