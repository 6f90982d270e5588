with

people as (
    select * from {{ ref("int_stages") }}
),

weights as (
    select * from {{ ref("int_weights") }}
),

events as (
    select * from {{ ref("goal_events") }}
),

conversions as (
    select * from {{ ref("conversions") }}
    where occurred_at <= {{ as_of() }}
),

-- A goal that is an event says nothing where nobody has ever reached it.
goals as (
    select *
    from {{ ref("goals") }}
    where
        scope = 'person' and (
            goal not in (select e.goal from events as e)
            or goal in (select c.goal from conversions as c)
        )
),

intercepts as (
    select
        w.weights_version,
        w.goal,
        w.horizon_days,
        w.weight
    from weights as w
    inner join goals as g on w.goal = g.goal
    where w.signal = 'intercept'
),

sums as (
    select
        person_id,
        signal,
        half_life_days,
        sum(decayed) as decayed
    from {{ ref("int_person_terms") }}
    group by person_id, signal, half_life_days
),

-- A signal may count with several half-lives, with and against: together they are its share.
shares as (
    select
        s.person_id,
        w.goal,
        s.signal,
        sum(cast(round(w.weight * {{ term_of("s.decayed") }}, 6) as numeric(18, 6))) as part
    from sums as s
    inner join weights as w on s.signal = w.signal and s.half_life_days = w.half_life_days
    inner join intercepts as i on w.goal = i.goal
    group by s.person_id, w.goal, s.signal
),

summed as (
    select
        person_id,
        goal,
        sum(part) as logit,
        {{ ordered_list(
            "concat('\"', signal, '\": ', cast(part as " ~ dbt.type_string() ~ "))", "signal", most=50
        ) }} as contributions
    from shares
    group by person_id, goal
),

final as (
    select
        p.person_id,
        i.goal,
        i.horizon_days,
        cast(1 / (1 + exp(-(i.weight + coalesce(s.logit, 0)))) as numeric(9, 6)) as probability,
        p.stage,
        concat(
            '{"intercept": ', cast(i.weight as {{ dbt.type_string() }}),
            case when s.contributions is not null then concat(', ', s.contributions) else '' end, '}'
        ) as contributions,
        i.weights_version
    from people as p
    cross join intercepts as i
    left join summed as s on p.person_id = s.person_id and i.goal = s.goal
)

select * from final
