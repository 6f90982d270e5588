{{ config(materialized="incremental", incremental_strategy=by_day(), unique_key="occurred_on") }}
{% set days = touched_days(ref("stg_segment__events"), "occurred_on", record="message_id") %}

with

-- Every copy of a message that has one on these days.
events as (
    select *
    from {{ ref("stg_segment__events") }} as v
    where
        v.message_id in (
            select t.message_id
            from {{ ref("stg_segment__events") }} as t
            where {{ in_days("t.occurred_on", days) }}
        )
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
),

blocked_users as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

blocked_devices as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'device'
),

-- A message id counts once, by the copy that was known first.
copies as (
    select
        *,
        row_number() over (
            partition by source_id, message_id
            order by landed_at, batch_id, seq
        ) as copy
    from events
),

kept as (
    select
        c.*,
        case when bu.value is null then c.user_id end as known_user_id,
        case when bd.value is null then c.anonymous_id end as known_device_id
    from copies as c
    left join blocked_users as bu on lower(c.user_id) = bu.value
    left join blocked_devices as bd on lower(c.anonymous_id) = bd.value
    where c.copy = 1 and {{ in_days("c.occurred_on", days) }}
),

final as (
    select
        {{ key(["k.source_id", "k.message_id"]) }} as event_key,
        k.source_id,
        k.id_space,
        {{ node("device", "k.known_device_id", "k.source_id") }} as device_node,
        {{ node("user_id", "k.known_user_id", "k.id_space") }} as user_node,
        e.node_id as email_node,
        p.node_id as phone_node,
        k.event,
        k.occurred_at,
        k.occurred_on,
        k.product_id,
        k.category,
        k.cart_id,
        k.order_id,
        k.price_minor,
        k.quantity,
        k.value_minor,
        k.currency,
        k.download_id,
        k.content_id,
        k.title,
        k.topic,
        k.response_id,
        k.answer,
        k.channel,
        k.purpose,
        k.state,
        k.legal_basis,
        k.proof,
        k.url,
        k.campaign,
        coalesce(lower(k.user_agent) like '%bot%' or lower(k.user_agent) like '%spider%', false) as is_bot,
        k.batch_id,
        k.landed_at
    from kept as k
    left join identifiers as e
        on k.email_raw = e.raw_value and e.identifier_type = 'email'
    left join identifiers as p
        on k.phone_raw = p.raw_value and p.identifier_type = 'phone'
)

select * from final
