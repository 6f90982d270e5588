{# Days whose signals are written anew: those of fresh orders, events and words, those on which a
   product lies in another category now, and those that have begun or ended since the last run. #}
{% macro signal_days() -%}
    {%- set orders = touched_days(
        ref("int_order_changes"), "ordered_on", record="record", more=days_of_newly_shared()
    ) -%}
    {%- set events = touched_days(ref("int_web_events"), "occurred_on") -%}
    {%- set categories = touched_days(ref("int_category_changes"), "occurred_on") -%}
    {%- if not (execute and is_incremental()) -%}{{ return([]) }}{%- endif -%}
    {{ return(around(orders + events + categories + _days_since_the_last_run(), 0, 0)) }}
{%- endmacro %}

{# What lay ahead of the last run's clock was left out by it. #}
{% macro _days_since_the_last_run() -%}
    {%- set days = [] -%}
    {%- set begin, end = var("last_as_of", "")[:10], var("as_of")[:10] -%}
    {%- if begin and begin <= end -%}
        {%- set first = modules.datetime.datetime.strptime(begin, "%Y-%m-%d") -%}
        {%- set count = (modules.datetime.datetime.strptime(end, "%Y-%m-%d") - first).days -%}
        {%- for shift in range(count + 1) -%}
            {%- do days.append((first + modules.datetime.timedelta(days=shift)).strftime("%Y-%m-%d")) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(days) }}
{%- endmacro %}

{# Statement that notes what is taken from the kept sums (`sign` -1: rows that are about to go), or
   given to them (1: rows that have come); none where the sums are made of all rows anyway. #}
{% macro note_signal_changes(sign, days) -%}
    {%- set changes = ref("int_signal_changes") -%}
    {%- if execute and is_incremental() and days -%}
        {{ return(noted_changes(sign, days, changes)) }}
    {%- endif -%}
{%- endmacro %}

{# Statement that drops sums of pairs (signal, half-life) that no weights ask for any more. #}
{% macro forget_unused_pairs() -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where not exists (
        select 1 from {{ ref("int_weights") }} as w
        where w.signal = {{ this.identifier }}.signal and w.half_life_days = {{ this.identifier }}.half_life_days
    )
    {%- endif -%}
{%- endmacro %}

{# Whether weights ask for a pair of which no sums are kept yet. #}
{% macro has_new_pairs() -%}
    {%- set weights = ref("int_weights") -%}
    {%- if not (execute and is_incremental()) -%}{{ return(false) }}{%- endif -%}
    {%- set news = run_query(
        "select count(*) from " ~ weights ~ " as w where w.signal <> 'intercept' and not exists ("
        ~ "select 1 from " ~ this ~ " as s where s.node_id = '' and s.signal = w.signal"
        ~ " and s.half_life_days = w.half_life_days)"
    ) -%}
    {{ return(news.columns[0].values()[0] | int > 0) }}
{%- endmacro %}
