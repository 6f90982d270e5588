{# Read by touched_days(): what the last complete run of this warehouse had taken in.
   It is written after every table that is rewritten by day, so that a run which failed in between
   finds its days touched again. #}
-- depends_on: {{ ref("int_orders") }}, {{ ref("int_order_lines") }}, {{ ref("web_events") }}
-- depends_on: {{ ref("sessions") }}, {{ ref("int_web_links") }}

with

final as (
    {% for b in var("batches") %}
    select
        '{{ b.batch_id }}' as batch_id,
        '{{ b.source_id }}' as source_id,
        '{{ b.stream }}' as stream
    {{ "union all" if not loop.last }}
    {%- else %}
    select
        cast(null as {{ dbt.type_string() }}) as batch_id,
        cast(null as {{ dbt.type_string() }}) as source_id,
        cast(null as {{ dbt.type_string() }}) as stream
    where 1 = 0
    {% endfor %}
)

select * from final
