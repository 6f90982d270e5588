{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="occurred_on",
    pre_hook="{{ clear_days('occurred_on', touched_days(ref('int_event_versions'), 'occurred_on', record='message_id', within=3)) }}",
) }}
{% set days = touched_days(ref("int_event_versions"), "occurred_on", record="message_id", within=3) %}

with

events as (
    select *
    from {{ ref("int_event_versions") }}
    where {{ in_days("occurred_on", days, before=3, after=3) }}
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

-- A message id counts once in three days, by the copy that was known first, or last where the source
-- revises its events. Few messages have copies: comparing those alone spares sorting all events.
doubled as (
    select
        source_id,
        message_id
    from events
    group by source_id, message_id
    having count(*) > 1
),

copies as (
    select
        e.source_id,
        e.message_id,
        e.batch_id,
        e.seq,
        {{ to_millis("e.occurred_at") }} as millis,
        case
            when e.is_revisable
                then row_number() over (
                        partition by e.source_id, e.message_id
                        order by e.landed_at desc, e.batch_id desc, e.seq desc
                    )
            else row_number() over (
                    partition by e.source_id, e.message_id
                    order by e.landed_at, e.batch_id, e.seq
                )
        end as copy
    from events as e
    inner join doubled as d on e.source_id = d.source_id and e.message_id = d.message_id
),

repeated as (
    select distinct
        c.batch_id,
        c.seq
    from copies as c
    inner join copies as o
        on
            c.source_id = o.source_id and c.message_id = o.message_id
            and c.copy > o.copy and abs(c.millis - o.millis) <= 3 * 86400000
),

kept as (
    select
        e.*,
        case when bu.value is null then e.user_id end as known_user_id,
        case when bd.value is null then e.anonymous_id end as known_device_id
    from events as e
    left join repeated as r on e.batch_id = r.batch_id and e.seq = r.seq
    left join blocked_users as bu on lower(e.user_id) = bu.value
    left join blocked_devices as bd on lower(e.anonymous_id) = bd.value
    where r.seq is null and {{ in_days("e.occurred_on", days) }}
),

final as (
    select
        {{ key(["k.source_id", "k.message_id", "k.occurred_on"]) }} as event_key,
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
        k.is_confirmed,
        k.outcome,
        k.rating,
        k.comment,
        k.group_id,
        k.search_query,
        k.url,
        k.campaign,
        k.time_zone,
        {{ is_bot("k.user_agent") }} as is_bot,
        k.batch_id,
        k.landed_at
    from kept as k
    left join identifiers as e
        on k.email_raw = e.raw_value and e.identifier_type = 'email'
    left join identifiers as p
        on k.phone_raw = p.raw_value and p.identifier_type = 'phone'
    {{ in_day_order("k.occurred_on") }}
)

select * from final
