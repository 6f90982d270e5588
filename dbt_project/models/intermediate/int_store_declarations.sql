{{ config(materialized="view") }}

with

consents as (
    select * from {{ ref("int_consent_versions") }}
    where op = 'upsert'
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
    where is_valid
),

customers as (
    select * from {{ ref("int_customers") }}
    where is_current
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

before as (
    select
        *,
        lag(state) over (
            partition by source_id, consent_id
            order by landed_at, record_at nulls first, batch_id, seq
        ) as state_before,
        lag(landed_at) over (
            partition by source_id, consent_id
            order by landed_at, record_at nulls first, batch_id, seq
        ) as landed_before
    from consents
),

-- A tick that is gone is a withdrawal; one that never was declares nothing. One that came back was not
-- there yet when its absence was landed.
stated as (
    select
        *,
        case when state = 'none' and state_before = 'granted' then 'withdrawn' else state end as said_state,
        case
            when state = 'granted' and state_before = 'none'
                then greatest(given_at, {{ after("landed_before", 1, "second") }})
            else given_at
        end as said_at
    from before
),

-- Who ticked a box in the shop; each version of a consent is a declaration of its own. A grant
-- needs its own address, a withdrawal also counts for the one in the profile.
final as (
    select
        {{ key(["c.batch_id", "c.seq", "c.consent_id"]) }} as declaration_key,
        c.source_id,
        concat('consent ', c.consent_id) as declaration_id,
        case when c.channel = 'call' then 'phone' else 'email' end as address_type,
        case
            when c.channel = 'call' then coalesce(p.node_id, case when c.said_state = 'withdrawn' then u.phone_node end)
            else coalesce(e.node_id, case when c.said_state = 'withdrawn' then u.email_node end)
        end as address_node,
        {{ node("user_id", "case when b.value is null then c.customer_id end", "c.id_space") }} as user_node,
        c.channel,
        c.purpose,
        c.said_state as state,
        c.legal_basis,
        c.proof,
        coalesce(c.said_at, case when c.said_state = 'withdrawn' then c.landed_at end) as valid_from,
        c.landed_at as known_at
    from stated as c
    left join identifiers as e
        on c.email_raw = e.raw_value and e.identifier_type = 'email'
    left join identifiers as p
        on c.phone_raw = p.raw_value and p.identifier_type = 'phone'
    left join customers as u on c.source_id = u.source_id and c.customer_id = u.customer_id
    left join blocked as b on lower(c.customer_id) = b.value
)

select * from final
