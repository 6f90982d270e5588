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

-- Every rule counts what was planned before this run, in its window or on the person's own day, which may
-- have 25 hours.
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
            and s.planned_as_of > {{ ago("o.window_hours + case when o.calendar_day then 2 else 0 end") }}
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

-- A message has a price, and a person so much patience in a week as their answers have earned.
priced as (
    select
        c.candidate_key,
        coalesce(i.spent, 0) as spent,
        coalesce(i.budget, b.units) as budget,
        coalesce(i.spent, 0) + p.units > coalesce(i.budget, b.units) as is_too_dear
    from survivors as c
    inner join {{ ref("contact_policy") }} as p
        on p.rule = 'price' and c.channel = p.channel and c.kind = p.kind
    inner join {{ ref("contact_policy") }} as b on b.rule = 'budget'
    left join {{ ref("int_interruptions") }} as i on c.person_id = i.person_id
    where c.purpose = 'marketing'
),

judged as (
    select
        c.candidate_key,
        c.kind,
        coalesce(e.rule, case when p.is_too_dear then 'budget' end) as reason,
        case
            when e.rule is not null then cast(e.last_at as {{ dbt.type_string() }})
            when p.candidate_key is not null then concat(
                    'spent ', cast(p.spent as {{ dbt.type_string() }}),
                    ' of ', cast(p.budget as {{ dbt.type_string() }})
                )
        end as seen
    from survivors as c
    left join exceeded as e on c.candidate_key = e.candidate_key
    left join priced as p on c.candidate_key = p.candidate_key
),

-- Mass that loses to a cap is dropped, a trigger waits until its occasion is over.
final as (
    select
        candidate_key,
        case when kind = 'mass' then reason end as failed,
        case when kind = 'triggered' then reason end as deferred,
        seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from judged
)

select * from final
