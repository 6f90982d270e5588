{# Parquet files as one relation, by an explicit list. #}
{% macro lake_files(paths) -%}
    {{ return(adapter.dispatch("lake_files")(paths)) }}
{%- endmacro %}

{% macro duckdb__lake_files(paths) -%}
    read_parquet(['{{ paths | join("', '") }}'])
{%- endmacro %}

{# Braces are taken apart, not searched for; what stands before them (the lake's root and the vendor)
   is the same for every batch of a stream. #}
{% macro spark__lake_files(paths) -%}
    {%- set root = paths[0].rsplit("/", 4)[0] -%}
    {%- set names = [] -%}
    {%- for path in paths -%}{%- do names.append(path[root | length + 1:]) -%}{%- endfor -%}
    parquet.`{{ root }}/{{ names[0] if names | length == 1 else "{" ~ names | join(",") ~ "}" }}`
{%- endmacro %}

{# Which of a stream's listed batches a staging table writes now, where it holds those in `taken`. #}
{% macro batches_to_write(listed, taken) -%}
    {{ return(adapter.dispatch("batches_to_write")(listed, taken)) }}
{%- endmacro %}

{% macro duckdb__batches_to_write(listed, taken) -%}
    {{ return(listed | rejectattr("batch_id", "in", taken) | list) }}
{%- endmacro %}

{# Whole days of landing are overwritten: an addition that was half done would be doubled. #}
{% macro spark__batches_to_write(listed, taken) -%}
    {%- set days = [] -%}
    {%- for b in listed if b.batch_id not in taken -%}{%- do days.append(b.landed_at[:10]) -%}{%- endfor -%}
    {%- set written = [] -%}
    {%- for b in listed if b.landed_at[:10] in days -%}{%- do written.append(b) -%}{%- endfor -%}
    {{ return(written) }}
{%- endmacro %}

{# How a table that is rewritten by whole days is written; `clear_days` goes before it. #}
{% macro by_day() -%}
    {{ return(adapter.dispatch("by_day")()) }}
{%- endmacro %}

{% macro duckdb__by_day() -%}
    {{ return("append") }}
{%- endmacro %}

{% macro spark__by_day() -%}
    {{ return("insert_overwrite") }}
{%- endmacro %}

{# Statement that empties the days which `this` is about to write, also those that end up empty;
   nothing where there are none. #}
{% macro clear_days(day, days) -%}
    {%- if days -%}{{ return(adapter.dispatch("clear_days")(day, days)) }}{%- endif -%}
{%- endmacro %}

{% macro duckdb__clear_days(day, days) -%}
    delete from {{ this }}
    where {{ day }} in (cast('{{ days | join("' as date), cast('") }}' as date))
{%- endmacro %}

{% macro spark__clear_days(day, days) -%}
    alter table {{ this }} drop if exists
    {% for d in days %}partition ({{ day }} = date '{{ d }}'){{ ", " if not loop.last }}{% endfor %}
{%- endmacro %}

{# Statements that put a table in the place of the one of that name. #}
{% macro replace_table(name, select) -%}
    {{ return(adapter.dispatch("replace_table")(name, select)) }}
{%- endmacro %}

{% macro duckdb__replace_table(name, select) -%}
    {{ return(["create or replace table " ~ name ~ " as " ~ select]) }}
{%- endmacro %}

{% macro spark__replace_table(name, select) -%}
    {{ return(["drop table if exists " ~ name, "create table " ~ name ~ " using parquet as " ~ select]) }}
{%- endmacro %}

{# How rows are put in the order of their days, where days are no folders of their own. #}
{% macro day_order(day) -%}
    {{ return(adapter.dispatch("day_order")(day)) }}
{%- endmacro %}

{% macro duckdb__day_order(day) -%}
    order by {{ day }}
{%- endmacro %}

{% macro spark__day_order(day) -%}
{%- endmacro %}

{# How a table that is kept by key is materialized: rows of the keys that a run writes are replaced
   where the engine can replace rows, else the table is built anew. #}
{% macro by_key() -%}
    {{ return(adapter.dispatch("by_key")()) }}
{%- endmacro %}

{% macro duckdb__by_key() -%}
    {{ return("incremental") }}
{%- endmacro %}

{% macro spark__by_key() -%}
    {{ return("table") }}
{%- endmacro %}

{# Statement that empties a table. #}
{% macro emptied(relation) -%}
    {{ return(adapter.dispatch("emptied")(relation)) }}
{%- endmacro %}

{% macro duckdb__emptied(relation) -%}
    delete from {{ relation.render() }}
{%- endmacro %}

{% macro spark__emptied(relation) -%}
    truncate table {{ relation.render() }}
{%- endmacro %}

{# Statement that notes the signals of `this` on these days in `changes`, with that sign; none where an
   engine makes the sums anew each run. #}
{% macro noted_changes(sign, days, changes) -%}
    {{ return(adapter.dispatch("noted_changes")(sign, days, changes)) }}
{%- endmacro %}

{% macro duckdb__noted_changes(sign, days, changes) -%}
    insert into {{ changes.render() }} (node_id, signal, topic, occurred_on, amount)
    select
        node_id,
        signal,
        topic,
        occurred_on,
        {{ sign }} * amount
    from {{ this }}
    where {{ in_days("occurred_on", days) }}
{%- endmacro %}

{# There the sums are made anew by each run: `by_key`. #}
{% macro spark__noted_changes(sign, days, changes) -%}
{%- endmacro %}
