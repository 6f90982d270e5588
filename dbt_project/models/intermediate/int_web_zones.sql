{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="occurred_on",
    pre_hook="{{ clear_days('occurred_on', touched_days(ref('int_web_events'), 'occurred_on')) }}",
) }}
{% set days = touched_days(ref("int_web_events"), "occurred_on") %}

with

events as (
    select
        *,
        coalesce(user_node, device_node) as node_id
    from {{ ref("int_web_events") }}
    where {{ in_days("occurred_on", days) }} and not is_bot and time_zone is not null
),

said as (
    select
        occurred_on,
        node_id,
        time_zone,
        max(occurred_at) as said_at
    from events
    where node_id is not null
    group by occurred_on, node_id, time_zone
),

zones as (
    select distinct time_zone from said
),

known as (
    select * from zones
    where {{ known_zone("time_zone") }} is not null
),

final as (
    select
        s.occurred_on,
        s.node_id,
        max_by(s.time_zone, {{ moment_key("s.said_at", "s.time_zone") }}) as time_zone,
        max(s.said_at) as said_at
    from said as s
    inner join known as k on s.time_zone = k.time_zone
    group by s.occurred_on, s.node_id
    {{ in_day_order("occurred_on") }}
)

select * from final
