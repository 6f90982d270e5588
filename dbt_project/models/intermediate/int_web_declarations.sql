{{ config(materialized="view") }}

with

events as (
    select * from {{ ref("int_web_events") }}
    where
        event in ('Permission Updated', 'Unsubscribed')
        or (event = 'Survey Answered' and topic in ('email', 'phone', 'post') and answer = 'not_interested')
),

choices as (
    select * from {{ ref("int_web_choices") }}
),

profiles as (
    select * from {{ ref("int_profile_addresses") }}
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
            when event = 'Survey Answered' then topic
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

addressed as (
    select
        *,
        case channel when 'call' then 'phone' when 'post' then 'user_id' else 'email' end as address_type,
        case channel when 'call' then phone_node when 'post' then user_node else email_node end as own_node
    from said
),

-- A tracker knows the person: what stops and names no address counts for those in the profile, and a call
-- may be allowed to the number that is there now.
final as (
    select
        {{ key(["s.said_key", "c.source_id", "c.node_id"]) }} as declaration_key,
        s.source_id,
        concat('event ', s.said_key) as declaration_id,
        s.address_type,
        coalesce(s.own_node, c.node_id) as address_node,
        s.user_node,
        s.channel,
        s.purpose,
        s.state,
        s.legal_basis,
        s.proof,
        s.occurred_at as valid_from,
        s.confirmed_at,
        s.landed_at as known_at
    from addressed as s
    left join profiles as c
        on
            s.user_node = c.user_node and s.own_node is null and s.address_type = c.address_type
            and (s.state <> 'granted' or (s.channel = 'call' and c.is_current))
)

select * from final
