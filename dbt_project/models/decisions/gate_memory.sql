with

candidates as (
    select * from {{ ref("candidates") }}
),

programmes as (
    select * from {{ ref("programmes") }}
),

declined as (
    select
        person_id,
        topic,
        said_at
    from {{ ref("memory") }}
    where
        kind = 'said' and fact = 'interest' and value = 'not_interested'
        and expires_at > {{ as_of() }}
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

-- A campaign is about the person: what any id merged into them was sent counts.
campaign_before as (
    select
        person_id,
        programme,
        campaign_id,
        step,
        max(planned_as_of) as last_at
    from sent
    where campaign_id is not null
    group by person_id, programme, campaign_id, step
),

-- Of other occasions: the steps of one do not cool each other down.
spoken as (
    select
        c.candidate_key,
        max(s.planned_as_of) as last_at
    from candidates as c
    inner join sent as s
        on
            c.person_id = s.person_id and c.programme = s.programme
            and coalesce(c.occasion, '') <> coalesce(s.occasion, '')
    group by c.candidate_key
),

final as (
    select
        c.candidate_key,
        case
            when b.message_key is not null or p.person_id is not null then 'already_sent'
            when d.topic is not null and c.purpose = 'marketing' then 'declined'
            when g.cooldown_hours > 0 and s.last_at > {{ ago("g.cooldown_hours") }} then 'cooldown'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        cast(
            coalesce(b.last_at, p.last_at, d.said_at, s.last_at)
            as {{ dbt.type_string() }}
        ) as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    inner join programmes as g on c.programme = g.programme
    left join said_before as b on c.message_key = b.message_key
    left join declined as d on c.person_id = d.person_id and c.topic = d.topic
    left join campaign_before as p
        on
            c.person_id = p.person_id and c.programme = p.programme
            and c.campaign_id = p.campaign_id and c.step = p.step
    left join spoken as s on c.candidate_key = s.candidate_key
)

select * from final
