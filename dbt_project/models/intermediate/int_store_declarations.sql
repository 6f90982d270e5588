{{ config(materialized="view") }}

with

versions as (
    select * from {{ ref("int_consent_changes") }}
),

profiles as (
    select * from {{ ref("int_profile_addresses") }}
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

-- A tick that is gone is a withdrawal; one that never was declares nothing.
stated as (
    select
        {{ key(["batch_id", "seq", "consent_id"]) }} as declaration_key,
        source_id,
        id_space,
        consent_id,
        customer_id,
        own_node,
        channel,
        purpose,
        case when state = 'none' and state_before = 'granted' then 'withdrawn' else state end as state,
        legal_basis,
        proof,
        case when is_new then greatest(given_at, {{ after("landed_at_before", 1, "second") }}) else given_at end
            as given_at,
        confirmed_at,
        landed_at
    from versions
    where op = 'upsert'
),

-- So is a consent that is deleted, or moved to another address, for the one that it was for.
gone as (
    select
        {{ key(["batch_id", "seq", "consent_id_before", "'gone'"]) }} as declaration_key,
        source_id,
        id_space,
        consent_id_before as consent_id,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        own_node_before as own_node,
        channel_before as channel,
        purpose_before as purpose,
        'withdrawn' as state,
        legal_basis_before as legal_basis,
        'no longer in the source' as proof,
        case when op = 'upsert' and state <> 'granted' then given_at end as given_at,
        cast(null as {{ dbt.type_timestamp() }}) as confirmed_at,
        landed_at
    from versions
    where is_moved
),

said as (
    select * from stated
    union all
    select * from gone
),

-- Each version of a consent is a declaration of its own. A grant needs its own address; what stops counts
-- for those in the profile where it names none, and needs no time.
final as (
    select
        {{ key(["s.declaration_key", "u.node_id"]) }} as declaration_key,
        s.source_id,
        concat('consent ', s.consent_id) as declaration_id,
        case s.channel when 'call' then 'phone' when 'post' then 'user_id' else 'email' end as address_type,
        coalesce(s.own_node, u.node_id) as address_node,
        {{ node("user_id", "case when b.value is null then s.customer_id end", "s.id_space") }} as user_node,
        s.channel,
        s.purpose,
        s.state,
        s.legal_basis,
        s.proof,
        coalesce(s.given_at, case when s.state in ('withdrawn', 'unclear') then s.landed_at end) as valid_from,
        s.confirmed_at,
        s.landed_at as known_at
    from said as s
    left join profiles as u
        on
            s.source_id = u.source_id and s.customer_id = u.customer_id and s.own_node is null
            and s.state in ('withdrawn', 'unclear')
            and u.address_type = case s.channel when 'call' then 'phone' when 'post' then 'user_id' else 'email' end
    left join blocked as b on lower(s.customer_id) = b.value
)

select * from final
