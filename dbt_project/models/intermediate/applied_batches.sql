{{ config(materialized="incremental", incremental_strategy="append") }}
{# Read by touched_days(): what the last complete run of this warehouse had taken in.
   It is written after every table that is rewritten by day, so that a run which failed in between
   finds its days touched again. #}
-- depends_on: {{ ref("int_orders") }}, {{ ref("int_order_lines") }}, {{ ref("web_events") }}
-- depends_on: {{ ref("sessions") }}, {{ ref("int_identity_components") }}, {{ ref("int_web_zones") }}
-- depends_on: {{ ref("int_day_choices") }}, {{ ref("int_said") }}, {{ ref("int_signal_days") }}
{% set known = {} %}
{% if execute and is_incremental() %}
{% for batch_id in column_values(this, "batch_id") %}{% do known.update({batch_id: true}) %}{% endfor %}
{% endif %}

with

listed as (
    select
        cast(null as {{ dbt.type_string() }}) as batch_id,
        cast(null as {{ dbt.type_string() }}) as source_id,
        cast(null as {{ dbt.type_string() }}) as stream
    where 1 = 0
    {% for b in var("batches") | rejectattr("batch_id", "in", known) %}
    {% if loop.first %}
    union all
    select * from (
        values
    {% endif %}
        ('{{ b.batch_id }}', '{{ b.source_id }}', '{{ b.stream }}'){{ "," if not loop.last }}
    {% if loop.last %}
    ) as v (batch_id, source_id, stream)
    {% endif %}
    {% endfor %}
),

final as (
    select * from listed
)

select * from final
