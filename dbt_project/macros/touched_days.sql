{# Event-grained tables are rewritten by day. A day is touched when a batch that the last complete
   run had not seen holds a record of it (`applied_batches` is written when all tables have it).

   touched_days(relation, day) -> list of 'YYYY-MM-DD', with `before` and `after` days around each;
   none on a first or full build, where everything is read. With `record` (a column), the days of a
   fresh record's older versions count too: it may have moved. #}
{% macro touched_days(relation, day, record=none, before=0, after=0) -%}
    {%- if not (execute and is_incremental()) -%}{{ return([]) }}{%- endif -%}
    {%- set fresh = in_fresh_batches() -%}
    {%- if record -%}
        {%- set fresh = record ~ " in (select " ~ record ~ " from " ~ relation ~ " where " ~ fresh ~ ")" -%}
    {%- endif -%}
    {%- set days = column_values(relation, day, fresh) | reject("none") | list -%}
    {%- set touched = {} -%}
    {%- for day in days -%}
        {%- for shift in range(-before, after + 1) -%}
            {%- do touched.update({shift_day(day, shift): true}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(touched.keys() | sort) }}
{%- endmacro %}

{# Condition: the row's batch is new to the tables of this warehouse. #}
{% macro in_fresh_batches(column="batch_id") -%}
    {%- set applied = _applied_batches() -%}
    {%- set fresh = var("batches") | map(attribute="batch_id") | reject("in", applied) | list -%}
    {{ return(column ~ " in ('" ~ fresh | join("', '") ~ "')") }}
{%- endmacro %}

{% macro _applied_batches() -%}
    {%- set relation = adapter.get_relation(this.database, "intermediate", "applied_batches") -%}
    {{ return(column_values(relation, "batch_id") if relation else []) }}
{%- endmacro %}

{# Condition: `day` is one of the touched days, widened for reading. Always true on a full build. #}
{% macro in_days(day, days, before=0, after=0) -%}
    {%- if not (execute and is_incremental()) -%}1 = 1
    {%- elif not days -%}1 = 0
    {%- else -%}
        {%- set wide = {} -%}
        {%- for d in days -%}
            {%- for shift in range(-before, after + 1) -%}
                {%- do wide.update({shift_day(d, shift): true}) -%}
            {%- endfor -%}
        {%- endfor -%}
        {{ day }} in (
        {%- for d in wide.keys() | sort %}cast('{{ d }}' as date){{ ", " if not loop.last }}{% endfor -%}
        )
    {%- endif -%}
{%- endmacro %}

{% macro shift_day(day, by) -%}
    {%- set d = modules.datetime.datetime.strptime(day, "%Y-%m-%d") + modules.datetime.timedelta(days=by) -%}
    {{ return(d.strftime("%Y-%m-%d")) }}
{%- endmacro %}

{# How a table that is rewritten by whole days is written on each engine. #}
{% macro by_day() -%}
    {{ return(adapter.dispatch("by_day")()) }}
{%- endmacro %}

{% macro duckdb__by_day() -%}
    {{ return("delete+insert") }}
{%- endmacro %}
