with

consents as (
    select * from {{ ref("int_consent_versions") }}
),

-- Who says "not by email" in a survey has withdrawn it, in whatever words.
events as (
    select
        *,
        case
            when event = 'Survey Answered' and topic = 'phone' then 'call'
            when event = 'Survey Answered' then 'email'
            else coalesce(channel, 'email')
        end as said_channel,
        case when event = 'Permission Updated' then state else 'withdrawn' end as said_state,
        case when event = 'Survey Answered' then 'preference survey' else proof end as said_proof
    from {{ ref("int_web_events") }}
    where
        event in ('Permission Updated', 'Unsubscribed')
        or (event = 'Survey Answered' and topic in ('email', 'phone') and answer = 'not_interested')
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
),

customers as (
    select * from {{ ref("int_customers") }}
    where is_current
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

-- Who ticked a box in the shop; each version of a consent is a declaration of its own. A grant
-- needs its own address, a withdrawal also counts for the one in the profile.
shop as (
    select
        {{ key(["c.batch_id", "c.seq"]) }} as declaration_key,
        c.source_id,
        concat('consent ', c.consent_id) as declaration_id,
        case when c.channel = 'call' then 'phone' else 'email' end as address_type,
        case
            when c.channel = 'call' then coalesce(p.node_id, case when c.state = 'withdrawn' then u.phone_node end)
            else coalesce(e.node_id, case when c.state = 'withdrawn' then u.email_node end)
        end as address_node,
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
    left join customers as u on c.source_id = u.source_id and c.customer_id = u.customer_id
    left join blocked as b on lower(c.customer_id) = b.value
    where c.op = 'upsert'
),

-- A tracker knows the person: what names no address counts for the one in the profile.
web as (
    select
        {{ key(["e.event_key", "c.source_id"]) }} as declaration_key,
        e.source_id,
        concat('event ', e.event_key) as declaration_id,
        case when e.said_channel = 'call' then 'phone' else 'email' end as address_type,
        case
            when e.said_channel = 'call' then coalesce(e.phone_node, c.phone_node)
            when e.said_state = 'withdrawn' then coalesce(e.email_node, c.email_node)
            else e.email_node
        end as address_node,
        e.user_node,
        e.said_channel as channel,
        coalesce(e.purpose, 'marketing') as purpose,
        e.said_state as state,
        coalesce(e.legal_basis, 'consent') as legal_basis,
        e.said_proof as proof,
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
