{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="ordered_on",
    pre_hook="{{ clear_days('ordered_on', touched_days(ref('int_order_versions'), 'ordered_on', record='record_key', more=days_of_newly_shared())) }}",
) }}
{% set days = touched_days(ref("int_order_versions"), "ordered_on", record="record_key", more=days_of_newly_shared()) %}

with

-- All versions of an order that has one on these days: it may have been moved or deleted since.
versions as (
    select *
    from {{ ref("int_order_versions") }} as v
    where
        v.record_key in (
            select t.record_key from {{ ref("int_order_versions") }} as t
            where {{ in_days("t.ordered_on", days) }}
        )
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

shared as (
    select distinct node_id from {{ ref("int_shared_identifiers") }}
    where node_type <> 'user_id'
),

ranked as (
    select
        *,
        {{ version_rank() }} as version_rank,
        min(landed_at) over (partition by source_id, record_key) as first_known_at
    from versions
),

nodes as (
    select
        r.*,
        {{ node("user_id", "case when b.value is null then r.customer_id end", "r.id_space") }} as user_node,
        {{ node("loyalty_card", "r.loyalty_card", "r.id_space") }} as card_node,
        e.node_id as email_node,
        p.node_id as phone_node
    from ranked as r
    left join identifiers as e
        on r.email_raw = e.raw_value and e.identifier_type = 'email'
    left join identifiers as p
        on r.phone_raw = p.raw_value and p.identifier_type = 'phone'
    left join blocked as b on lower(r.customer_id) = b.value
    where r.version_rank = 1 and r.op = 'upsert' and {{ in_days("r.ordered_on", days) }}
),

own as (
    select
        n.*,
        case when sc.node_id is null then n.card_node end as own_card,
        case when se.node_id is null then n.email_node end as own_email,
        case when sp.node_id is null then n.phone_node end as own_phone
    from nodes as n
    left join shared as sc on n.card_node = sc.node_id
    left join shared as se on n.email_node = se.node_id
    left join shared as sp on n.phone_node = sp.node_id
),

final as (
    select
        {{ key(["source_id", "order_id"]) }} as order_key,
        source_id,
        id_space,
        order_id,
        coalesce(user_node, own_card, own_email, own_phone, card_node, email_node, phone_node) as node_id,
        user_node,
        card_node,
        email_node,
        phone_node,
        cart_id,
        country,
        channel,
        store,
        status,
        currency,
        amount_minor,
        refund_minor,
        discount_minor,
        ordered_at,
        ordered_on,
        batch_id,
        seq,
        {{ is_bought("status") }} as is_bought,
        landed_at as known_at,
        first_known_at
    from own
)

select * from final
