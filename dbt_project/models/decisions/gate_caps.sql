with

survivors as (
    select
        c.*,
        coalesce(p.time_zone, 'UTC') as time_zone
    from {{ ref("int_survivors") }} as c
    left join {{ ref("people") }} as p on c.person_id = p.person_id
),

policy as (
    select * from {{ ref("contact_policy") }}
    where max_messages is not null
),

sent as (
    select * from {{ ref("int_person_messages") }}
    where counts and purpose = 'marketing'
),

-- Every rule counts what was planned before this run, in its window or on the person's own day.
counted as (
    select
        c.candidate_key,
        c.kind,
        o.rule,
        o.max_messages,
        max(s.planned_as_of) as last_at,
        count(*) as messages
    from survivors as c
    inner join policy as o
        on o.channel in ('any', c.channel) and o.kind in ('any', c.kind)
    inner join sent as s
        on
            c.person_id = s.person_id and o.channel in ('any', s.channel) and o.kind in ('any', s.kind)
            and s.planned_as_of > {{ ago("o.window_hours") }}
            and (
                not o.calendar_day
                or cast({{ to_local("s.planned_as_of", "c.time_zone") }} as date)
                = cast({{ to_local(as_of(), "c.time_zone") }} as date)
            )
    where c.purpose = 'marketing'
    group by c.candidate_key, c.kind, o.rule, o.max_messages
),

exceeded as (
    select
        candidate_key,
        min(rule) as rule,
        max(last_at) as last_at
    from counted
    where messages >= max_messages
    group by candidate_key
),

-- Mass that loses to a cap is dropped, a trigger waits until its occasion is over.
final as (
    select
        c.candidate_key,
        case when c.kind = 'mass' then e.rule end as failed,
        case when c.kind = 'triggered' then e.rule end as deferred,
        cast(e.last_at as {{ dbt.type_string() }}) as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from survivors as c
    left join exceeded as e on c.candidate_key = e.candidate_key
)

select * from final
