with

candidates as (
    select * from {{ ref("candidates") }}
),

programmes as (
    select * from {{ ref("programmes") }}
),

refusals as (
    select * from {{ ref("int_refusals") }}
),

permission_now as (
    select * from {{ ref("permission_now") }}
    where state = 'granted' and legal_basis = 'consent'
),

-- Planned before this run: a rerun of the same moment plans the same again, and the ledger absorbs it.
sent as (
    select * from {{ ref("int_person_messages") }}
    where counts
),

said_before as (
    select
        message_key,
        max(planned_as_of) as last_at
    from sent
    group by message_key
),

-- A campaign is about the person: what any id merged into them was sent counts. So does an occasion, such as
-- a price that fell; of what the previous tool sent, what it leaves out counts as all of it.
told_before as (
    select
        c.candidate_key,
        max(s.planned_as_of) as last_at
    from candidates as c
    inner join sent as s on c.person_id = s.person_id and c.programme = s.programme
    where
        (s.campaign_id is not null or s.occasion is not null)
        and (c.campaign_id = s.campaign_id or s.campaign_id is null)
        and (c.step = s.step or (s.is_imported and s.step is null))
        and (
            c.occasion = s.occasion or s.occasion is null
            or (s.campaign_id is not null and not coalesce(s.is_imported, false))
        )
    group by c.candidate_key
),

-- Of other occasions: the steps of one do not cool each other down. A company is one ear.
spoken as (
    select
        c.candidate_key,
        max(s.planned_as_of) as last_at
    from candidates as c
    inner join sent as s
        on
            coalesce(c.account_id, c.person_id) = coalesce(s.account_id, s.person_id)
            and c.programme = s.programme
            and coalesce(c.occasion, '') <> coalesce(s.occasion, '')
    group by c.candidate_key
),

final as (
    select
        c.candidate_key,
        case
            when b.message_key is not null or p.candidate_key is not null then 'already_sent'
            when d.what is not null and c.purpose = 'marketing' then 'declined'
            when m.what is not null and c.purpose = 'marketing' then 'declined_channel'
            when g.cooldown_hours > 0 and s.last_at > {{ ago("g.cooldown_hours") }} then 'cooldown'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        cast(
            coalesce(b.last_at, p.last_at, d.said_at, m.said_at, s.last_at)
            as {{ dbt.type_string() }}
        ) as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    inner join programmes as g on c.programme = g.programme
    left join said_before as b on c.message_key = b.message_key
    left join refusals as d on c.person_id = d.person_id and d.refused = 'topic' and c.topic = d.what
    -- Who allows a channel after having refused it has changed their mind.
    left join permission_now as w
        on c.address_node = w.address_node and c.permission_channel = w.channel and c.purpose = w.purpose
    left join refusals as m
        on
            c.person_id = m.person_id and m.refused = 'channel' and c.channel = m.what
            and m.said_at >= coalesce(w.since, m.said_at)
    left join told_before as p on c.candidate_key = p.candidate_key
    left join spoken as s on c.candidate_key = s.candidate_key
)

select * from final
