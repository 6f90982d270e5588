with

candidates as (
    select * from {{ ref("candidates") }}
),

engagement as (
    select * from {{ ref("int_engagement") }}
),

campaigns_heard as (
    select * from {{ ref("int_campaigns_heard") }}
),

unhappy as (
    select * from {{ ref("int_unhappy") }}
),

permission_now as (
    select * from {{ ref("permission_now") }}
),

policy as (
    select
        max(case when rule = 'lapsing' then window_hours end) as lapsing_hours,
        max(case when rule = 'reactivations' then units end) as reactivations
    from {{ ref("contact_policy") }}
),

suppressions as (
    select * from {{ ref("int_suppressions") }}
    where reason <> 'hard_bounce'
),

-- An erased person gets no service message either. Who unsubscribed may have come back since.
suppressed as (
    select
        c.candidate_key,
        min(concat(s.reason, ' since ', cast(s.since as {{ dbt.type_string() }}))) as seen
    from candidates as c
    inner join suppressions as s on c.address_node = s.address_node
    left join permission_now as w
        on c.address_node = w.address_node and c.permission_channel = w.channel and c.purpose = w.purpose
    where
        (c.purpose <> 'service' or s.reason = 'erased')
        and (
            s.reason <> 'unsubscribed'
            or w.state is distinct from 'granted'
            or w.valid_from <= s.last_at
        )
    group by c.candidate_key
),

-- Who is lapsing hears little; who is silent for good is asked whether to stay, and then left alone.
sunset as (
    select
        c.candidate_key,
        e.engaged_at,
        h.last_at,
        case
            when c.kind <> 'mass' or c.purpose = 'service' or e.engagement = 'engaged' then null
            when
                e.engagement = 'dormant'
                and (c.programme <> 'reactivation' or coalesce(h.reactivations, 0) >= o.reactivations)
                then 'sunset'
            when h.last_at > {{ ago("o.lapsing_hours") }} then 'quiet_lately'
        end as reason
    from candidates as c
    inner join engagement as e on c.person_id = e.person_id
    left join campaigns_heard as h on c.person_id = h.person_id
    cross join policy as o
),

final as (
    select
        c.candidate_key,
        case
            when x.candidate_key is not null then 'suppressed'
            when u.person_id is not null then 'unhappy'
            else s.reason
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        coalesce(
            x.seen,
            case
                when u.person_id is not null
                    then concat(u.what, ' by ', u.source, ' on ', {{ day_of("u.said_at") }})
            end,
            cast(case when s.reason = 'quiet_lately' then s.last_at else s.engaged_at end as {{ dbt.type_string() }})
        ) as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    left join suppressed as x on c.candidate_key = x.candidate_key
    left join unhappy as u on c.person_id = u.person_id and c.purpose <> 'service'
    left join sunset as s on c.candidate_key = s.candidate_key
)

select * from final
