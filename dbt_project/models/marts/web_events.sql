{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="occurred_on", on_schema_change="fail",
    pre_hook="{{ clear_days('occurred_on', touched_days(ref('int_web_events'), 'occurred_on', after=4)) }}",
) }}
{# A late event may join what was two sessions: the days after it are numbered anew as well. #}
{% set days = touched_days(ref("int_web_events"), "occurred_on", after=4) %}

with

events as (
    select
        *,
        coalesce(device_node, user_node, event_key) as visitor
    from {{ ref("int_web_events") }}
    where {{ in_days("occurred_on", days, before=4) }}
),

-- A session ends after 30 minutes of inactivity, as in GA4 and Segment.
flagged as (
    select
        *,
        case
            when lag(occurred_at) over (partition by visitor order by occurred_at, event_key)
                >= occurred_at - interval '30 minutes'
                then null
            else occurred_at
        end as start_at
    from events
),

running as (
    select
        *,
        max(start_at) over (
            partition by visitor
            order by occurred_at, event_key
            rows between unbounded preceding and current row
        ) as last_start_at
    from flagged
),

-- A visitor who never pauses (a robot) gets a new session each day after the third.
placed as (
    select
        *,
        case
            when last_start_at >= occurred_at - interval '3 days' then last_start_at
            else date_trunc('day', occurred_at)
        end as session_started_at
    from running
),

final as (
    select
        event_key,
        coalesce(user_node, device_node) as node_id,
        source_id,
        event,
        occurred_at,
        occurred_on,
        {{ key(["visitor", to_millis("session_started_at")]) }} as session_id,
        session_started_at,
        product_id,
        category,
        cart_id,
        order_id,
        value_minor,
        currency,
        url,
        campaign,
        is_bot,
        landed_at as known_at
    from placed
    where {{ in_days("occurred_on", days) }}
    {{ in_day_order("occurred_on") }}
)

select * from final
