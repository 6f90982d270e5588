with

shipped as (
    select * from {{ ref("intent_weights") }}
),

accepted as (
    select * from {{ ref("stg_parley__weights") }}
    where reject_reason is null and accepted_at <= {{ as_of() }}
),

versions as (
    select
        goal,
        weights_version,
        row_number() over (partition by goal order by max(accepted_at) desc, max(change_seq) desc) as age
    from accepted
    group by goal, weights_version
),

newest as (
    select distinct
        a.weights_version,
        a.goal,
        cast(a.horizon_days as integer) as horizon_days,
        a.signal,
        cast(a.half_life_days as integer) as half_life_days,
        a.weight
    from accepted as a
    inner join versions as v on a.goal = v.goal and a.weights_version = v.weights_version
    where v.age = 1
),

-- What is fitted to the shop takes the place of what is shipped, goal by goal.
in_force as (
    select
        weights_version,
        goal,
        horizon_days,
        signal,
        half_life_days,
        weight
    from newest
    union all
    select
        s.weights_version,
        s.goal,
        s.horizon_days,
        s.signal,
        s.half_life_days,
        s.weight
    from shipped as s
    where s.goal not in (select n.goal from newest as n)
),

-- What others are made of is kept too, whether or not it has a weight of its own.
behind as (
    {{ pairs_behind("in_force") }}
),

final as (
    select * from in_force
    union all
    select
        i.weights_version,
        i.goal,
        i.horizon_days,
        b.signal,
        b.half_life_days,
        cast(0 as numeric(18, 6)) as weight
    from behind as b
    inner join in_force as i on i.goal = 'category_new' and i.signal = 'intercept'
    left join in_force as w on b.signal = w.signal and b.half_life_days = w.half_life_days
    where w.signal is null
)

select * from final
