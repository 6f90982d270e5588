{{ config(materialized="view") }}

with

events as (
    select * from {{ ref("int_web_events") }}
    where
        event in ('Permission Updated', 'Unsubscribed')
        or (event = 'Survey Answered' and topic in ('email', 'phone') and answer = 'not_interested')
),

choices as (
    select * from {{ ref("int_web_choices") }}
),

customers as (
    select * from {{ ref("int_customers") }}
    where is_current
),

-- Who says "not by email" in a survey has withdrawn it, in whatever words. A confirmation is a
-- declaration of its own, with the proof.
said as (
    select
        event_key as said_key,
        source_id,
        user_node,
        email_node,
        phone_node,
        case
            when event = 'Survey Answered' and topic = 'phone' then 'call'
            when event = 'Survey Answered' then 'email'
            else coalesce(channel, 'email')
        end as channel,
        coalesce(purpose, 'marketing') as purpose,
        case when event = 'Permission Updated' then {{ permission_state("state") }} else 'withdrawn' end as state,
        legal_basis,
        case when event = 'Survey Answered' then 'preference survey' else proof end as proof,
        case when is_confirmed then occurred_at end as confirmed_at,
        occurred_at,
        landed_at
    from events
    union all
    select
        choice_key as said_key,
        source_id,
        user_node,
        email_node,
        cast(null as {{ dbt.type_string() }}) as phone_node,
        channel,
        purpose,
        state,
        legal_basis,
        concat('consent category ', field) as proof,
        cast(null as {{ dbt.type_timestamp() }}) as confirmed_at,
        occurred_at,
        landed_at
    from choices
),

-- A tracker knows the person: what names no address counts for the one in the profile.
final as (
    select
        {{ key(["s.said_key", "c.source_id"]) }} as declaration_key,
        s.source_id,
        concat('event ', s.said_key) as declaration_id,
        case when s.channel = 'call' then 'phone' else 'email' end as address_type,
        case
            when s.channel = 'call' then coalesce(s.phone_node, c.phone_node)
            when s.state = 'granted' then s.email_node
            else coalesce(s.email_node, c.email_node)
        end as address_node,
        s.user_node,
        s.channel,
        s.purpose,
        s.state,
        s.legal_basis,
        s.proof,
        s.occurred_at as valid_from,
        s.confirmed_at,
        s.landed_at as known_at
    from said as s
    left join customers as c on s.user_node = c.user_node
)

select * from final
