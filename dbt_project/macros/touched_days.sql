{# Event-grained tables are rewritten by day. A day is touched when a batch that the last complete
   run had not seen holds a record of it (`applied_batches` is written when all tables have it).

   touched_days(relation, day) -> list of 'YYYY-MM-DD', with `before` and `after` days around each;
   none on a first or full build, where everything is read. With `record` (a column), the days of a
   fresh record's other versions count too, for it may have moved: of all of them, or of those
   `within` so many days, which spares reading the whole history. A deletion has no day of its own:
   only the others tell which one it touches. `more`: days that are touched for another reason. #}
{% macro touched_days(relation, day, record=none, within=none, before=0, after=0, more=()) -%}
    {%- if not (execute and is_incremental()) -%}{{ return([]) }}{%- endif -%}
    {%- set fresh = in_fresh_batches() -%}
    {%- set found = column_values(relation, day, fresh) | reject("none") | list -%}
    {%- if record -%}
        {%- set again = record ~ " in (select " ~ record ~ " from " ~ relation ~ " where " ~ fresh ~ ")" -%}
        {%- set near = in_days(day, found, before=within, after=within) if within else "1 = 1" -%}
        {%- set found = column_values(relation, day, again ~ " and " ~ near) | reject("none") | list -%}
    {%- endif -%}
    {{ return(around(found + more | list, before, after)) }}
{%- endmacro %}

{# Condition: the row's batch is new to the tables of this warehouse. #}
{% macro in_fresh_batches() -%}
    {%- set fresh = fresh_batches() -%}
    {%- if fresh -%}
        {{ landed_since(fresh | map(attribute="landed_at") | min) }}
        and batch_id in ('{{ fresh | map(attribute="batch_id") | join("', '") }}')
    {%- else -%}1 = 0
    {%- endif -%}
{%- endmacro %}

{# The batches that are new to the tables of this warehouse. #}
{% macro fresh_batches() -%}
    {%- set applied = {} -%}
    {%- for batch_id in _applied_batches() -%}{%- do applied.update({batch_id: true}) -%}{%- endfor -%}
    {{ return(var("batches") | rejectattr("batch_id", "in", applied) | list) }}
{%- endmacro %}

{% macro _applied_batches() -%}
    {%- set relation = adapter.get_relation(
        this.database, generate_schema_name("intermediate", none), "applied_batches"
    ) -%}
    {{ return(column_values(relation, "batch_id") if relation else []) }}
{%- endmacro %}

{# Condition: `day` is one of the touched days, widened for reading. Always true on a full build. #}
{% macro in_days(day, days, before=0, after=0) -%}
    {%- if not (execute and is_incremental()) -%}1 = 1
    {%- elif not days -%}1 = 0
    {%- else -%}
        {%- set wide = around(days, before, after) -%}
        {# The bounds are what an engine skips files and blocks by. #}
        ({{ day }} between cast('{{ wide | first }}' as date) and cast('{{ wide | last }}' as date)
        and {{ day }} in (cast('{{ wide | join("' as date), cast('") }}' as date)))
    {%- endif -%}
{%- endmacro %}

{# Days with `before` and `after` more around each, sorted, each once. #}
{% macro around(days, before, after) -%}
    {%- set wide = {} -%}
    {%- for day in days -%}
        {%- set d = modules.datetime.datetime.strptime(day, "%Y-%m-%d") -%}
        {%- for shift in range(-before, after + 1) -%}
            {%- do wide.update({(d + modules.datetime.timedelta(days=shift)).strftime("%Y-%m-%d"): true}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(wide.keys() | sort) }}
{%- endmacro %}

{# At the end of a table's last step: a full build writes its rows day after day, so that reading
   days later reads those alone. What is added afterwards comes by day anyway. #}
{% macro in_day_order(day) -%}
    {%- if not is_incremental() -%}{{ day_order(day) }}{%- endif -%}
{%- endmacro %}
