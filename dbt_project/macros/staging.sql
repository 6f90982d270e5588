{# The columns that every staged record carries from the lake. #}
{% macro lake_columns() -%}
    source_id,
        id_space,
        batch_id,
        seq,
        landed_at,
        landed_on,
        record_key,
        record_at,
        op
{%- endmacro %}

{# Why a record can't be read, or null: the first condition of [condition, reason] pairs that holds. #}
{% macro first_reason(rules) -%}
    case
        {%- for condition, reason in rules %}
        when {{ condition }} then '{{ reason }}'
        {%- endfor %}
    end
{%- endmacro %}

{# Condition: the text is no id that a database counts, such as one that a double has rounded. #}
{% macro is_no_id(text) -%}
    ({{ text }} is distinct from cast({{ to_int(text) }} as {{ dbt.type_string() }}))
{%- endmacro %}

{# Condition: the text is no ISO 4217 code, by its form. #}
{% macro is_no_currency(text) -%}
    ({{ text }} is null or length({{ text }}) <> 3
    or translate(upper({{ text }}), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '') <> '')
{%- endmacro %}

{# Rank of a version of its record, 1 = the newest that the run may see. #}
{% macro version_rank(keys="source_id, record_key") -%}
    row_number() over (
        partition by {{ keys }}
        order by landed_at desc, record_at desc nulls last, batch_id desc, seq desc
    )
{%- endmacro %}
