{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="started_on", on_schema_change="fail",
    pre_hook="{{ clear_days('started_on', touched_days(ref('int_web_events'), 'occurred_on', before=3, after=3)) }}",
) }}
{% set days = touched_days(ref("int_web_events"), "occurred_on", before=3, after=3) %}

with

events as (
    select
        *,
        {{ day_of("session_started_at") }} as started_on
    from {{ ref("web_events") }}
    where {{ in_days("occurred_on", days, after=3) }}
),

final as (
    select
        session_id,
        max_by(node_id, {{ moment_key("occurred_at", "event_key") }}) as node_id,
        min(source_id) as source_id,
        min(session_started_at) as started_at,
        max(occurred_at) as ended_at,
        min(started_on) as started_on,
        count(*) as events,
        count(*) filter (where event = 'Product Viewed') as product_views,
        bool_or(event = 'Order Completed') as has_order,
        max(campaign) as campaign,
        bool_or(is_bot) as is_bot
    from events
    where {{ in_days("started_on", days) }}
    group by session_id
    {{ in_day_order("started_on") }}
)

select * from final
