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
    select distinct message_key
    from sent
),

spoken as (
    select
        person_id,
        programme,
        max(planned_as_of) as last_at
    from sent
    group by person_id, programme
),

final as (
    select
        c.candidate_key,
        case
            when b.message_key is not null then 'already_sent'
            when d.topic is not null and c.purpose = 'marketing' then 'declined'
            when g.cooldown_hours > 0 and s.last_at > {{ ago("g.cooldown_hours") }} then 'cooldown'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        cast(
            case when d.topic is not null and b.message_key is null then d.said_at else s.last_at end
            as {{ dbt.type_string() }}
        ) as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    inner join programmes as g on c.programme = g.programme
    left join said_before as b on c.message_key = b.message_key
    left join declined as d on c.person_id = d.person_id and c.topic = d.topic
    left join spoken as s on c.person_id = s.person_id and c.programme = s.programme
)

select * from final
