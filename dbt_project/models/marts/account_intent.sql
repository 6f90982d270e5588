with

scores as (
    select
        s.*,
        m.account_id
    from {{ ref("intent_scores") }} as s
    inner join {{ ref("account_members") }} as m on s.person_id = m.person_id
    where m.is_main
),

-- From what is nearest to the goal: one who decides is enough.
stages as (
    select
        *,
        case stage
            when 'deciding' then 1 when 'considering' then 2 when 'customer' then 3
            when 'lapsed' then 4 when 'aware' then 5 else 6
        end as place
    from scores
),

final as (
    select
        {{ key(["account_id", "goal"]) }} as account_goal_key,
        account_id,
        goal,
        min(horizon_days) as horizon_days,
        count(*) as members,
        count(*) filter (where stage in ('considering', 'deciding')) as members_considering,
        cast(
            1 - exp(sum(cast(ln(1 - least(probability, 0.999999)) as numeric(18, 6)))) as numeric(9, 6)
        ) as probability,
        min_by(stage, place) as stage
    from stages
    group by account_id, goal
)

select * from final
