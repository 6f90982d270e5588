with

consents as (
    select * from {{ ref("stg_database__consents") }}
),

events as (
    select *
    from {{ ref("int_web_events") }}
    where event in ('Permission Updated', 'Unsubscribed')
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
),

customers as (
    select *
    from {{ ref("int_customers") }}
    where is_current
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

-- Who ticked a box in the shop; each version of a consent is a declaration of its own.
shop as (
    select
        {{ key(["c.batch_id", "c.seq"]) }} as declaration_key,
        c.source_id,
        concat('consent ', c.consent_id) as declaration_id,
        case when c.channel = 'call' then 'phone' else 'email' end as address_type,
        case when c.channel = 'call' then p.node_id else e.node_id end as address_node,
        {{ node("user_id", "case when b.value is null then c.customer_id end", "c.id_space") }} as user_node,
        c.channel,
        c.purpose,
        c.state,
        c.legal_basis,
        c.proof,
        c.given_at as valid_from,
        c.landed_at as known_at
    from consents as c
    left join identifiers as e
        on c.email_raw = e.raw_value and e.identifier_type = 'email' and e.is_valid
    left join identifiers as p
        on c.phone_raw = p.raw_value and p.identifier_type = 'phone' and p.is_valid
    left join blocked as b on lower(c.customer_id) = b.value
    where c.op = 'upsert'
),

-- A tracker knows the person rather than the number: what is said of calls counts for their phone.
-- Who unsubscribes without naming an address means the one in their profile.
web as (
    select
        {{ key(["e.event_key", "c.source_id"]) }} as declaration_key,
        e.source_id,
        concat('event ', e.event_key) as declaration_id,
        case when e.channel = 'call' then 'phone' else 'email' end as address_type,
        case
            when e.channel = 'call' then coalesce(e.phone_node, c.phone_node)
            when e.event = 'Unsubscribed' or e.state = 'withdrawn' then coalesce(e.email_node, c.email_node)
            else e.email_node
        end as address_node,
        e.user_node,
        coalesce(e.channel, 'email') as channel,
        coalesce(e.purpose, 'marketing') as purpose,
        case when e.event = 'Unsubscribed' then 'withdrawn' else e.state end as state,
        coalesce(e.legal_basis, 'consent') as legal_basis,
        e.proof,
        e.occurred_at as valid_from,
        e.landed_at as known_at
    from events as e
    left join customers as c on e.user_node = c.user_node
),

final as (
    select * from shop
    where address_node is not null and state in ('granted', 'withdrawn')
    union all
    select * from web
    where address_node is not null and state in ('granted', 'withdrawn')
)

select * from final
