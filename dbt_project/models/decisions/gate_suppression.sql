with

candidates as (
    select * from {{ ref("candidates") }}
),

segments as (
    select * from {{ ref("segments") }}
),

people as (
    select * from {{ ref("people") }}
),

permission_now as (
    select * from {{ ref("permission_now") }}
),

policy as (
    select
        max(case when rule = 'sunset' then window_hours end) as sunset_hours,
        max(case when rule = 'new_subscriber' then window_hours end) as new_hours
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
        on c.address_node = w.address_node and c.channel = w.channel and c.purpose = w.purpose
    where
        (c.purpose <> 'service' or s.reason = 'erased')
        and (
            s.reason <> 'unsubscribed'
            or w.state is distinct from 'granted'
            or w.valid_from <= s.last_at
        )
    group by c.candidate_key
),

-- Engaged means bought or visited, never opened; who is new gets the time to become so.
final as (
    select
        c.candidate_key,
        case
            when x.candidate_key is not null then 'suppressed'
            when
                c.kind = 'mass'
                and coalesce(s.engaged_at, p.first_seen_at) < {{ ago("o.sunset_hours") }}
                and coalesce(w.since, p.first_seen_at) < {{ ago("o.new_hours") }}
                then 'sunset'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        coalesce(x.seen, cast(s.engaged_at as {{ dbt.type_string() }})) as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    left join suppressed as x on c.candidate_key = x.candidate_key
    left join segments as s on c.person_id = s.person_id
    left join people as p on c.person_id = p.person_id
    left join permission_now as w
        on c.address_node = w.address_node and c.channel = w.channel and c.purpose = w.purpose
    cross join policy as o
)

select * from final
