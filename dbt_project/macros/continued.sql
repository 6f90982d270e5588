{# Identity is continued from run to run: what fresh batches hold is found anew in each table of it, so
   that a run which failed in between is made good by the next. A raw email or phone that is normalised
   otherwise than it was changes what was linked before: then, and on a full build, all is read. #}
{% macro identity_from_scratch() -%}
    {%- set changes = ref("int_identifier_changes") -%}
    {%- if not (execute and is_incremental()) -%}{{ return(true) }}{%- endif -%}
    {{ return(run_query("select count(*) from " ~ changes).columns[0].values()[0] | int > 0) }}
{%- endmacro %}

{# The days (of landing) on which fresh batches landed, sorted. #}
{% macro fresh_days() -%}
    {%- set days = {} -%}
    {%- for batch in fresh_batches() -%}{%- do days.update({batch.landed_at[:10]: true}) -%}{%- endfor -%}
    {{ return(days.keys() | sort) }}
{%- endmacro %}

{# Condition: the row's `moment` of learning is not before that of the first fresh batch. #}
{% macro is_since_fresh(moment_known) -%}
    {%- set fresh = fresh_batches() -%}
    {%- if fresh -%}{{ moment_known }} >= {{ moment(fresh | map(attribute="landed_at") | min) }}
    {%- else -%}1 = 0
    {%- endif -%}
{%- endmacro %}

{# What stands before a table of identity is written: nothing, or where all is read, its emptying. #}
{% macro clear_if_from_scratch() -%}
    {%- if is_incremental() and identity_from_scratch() -%}{{ return(emptied(this)) }}{%- endif -%}
{%- endmacro %}

{# Days of orders that hold an identifier which has become shared since the last complete run: whose
   they are is chosen anew. #}
{% macro days_of_newly_shared() -%}
    {%- set shared = ref("int_shared_identifiers") -%}
    {%- set identifiers = ref("int_identifiers") -%}
    {%- set versions = ref("int_order_versions") -%}
    {%- if not (execute and is_incremental()) -%}{{ return([]) }}{%- endif -%}
    {%- set newly = "(select node_id from " ~ shared ~ " where " ~ is_since_fresh("shared_at") ~ ")" -%}
    {%- if run_query("select count(*) from " ~ newly ~ " as n").columns[0].values()[0] | int == 0 -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set raws = "(select raw_value from " ~ identifiers ~ " where node_id in " ~ newly ~ ")" -%}
    {{ return(column_values(
        versions, "ordered_on",
        "email_raw in " ~ raws ~ " or phone_raw in " ~ raws
        ~ " or " ~ node("loyalty_card", "loyalty_card", "id_space") ~ " in " ~ newly
    ) | reject("none") | list) }}
{%- endmacro %}

{# Who people were (node_id, person_id) as the last run left it, as a relation or a query in brackets:
   nobody before the first run, and where the clock went back, since that run knew more. #}
{% macro people_before() -%}
    {%- if execute and var("last_as_of", "") <= var("as_of") -%}
        {%- set relation = adapter.get_relation(
            this.database, generate_schema_name("marts", none), "people_nodes"
        ) -%}
        {%- if relation -%}{{ return(relation) }}{%- endif -%}
    {%- endif -%}
    (select cast(null as {{ dbt.type_string() }}) as node_id, cast(null as {{ dbt.type_string() }}) as person_id where 1 = 0)
{%- endmacro %}
