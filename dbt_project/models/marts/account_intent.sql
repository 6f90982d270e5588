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
        {{ stage_place("stage") }} as place
    from scores
),

summed as (
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
        min_by(stage, place) as stage,
        min(place) as place
    from stages
    group by account_id, goal
),

-- What the CRM says of the company itself, an open deal above all, may be nearer than what any member did.
final as (
    select
        s.account_goal_key,
        s.account_id,
        s.goal,
        s.horizon_days,
        s.members,
        s.members_considering,
        s.probability,
        case when c.place < s.place then c.stage else s.stage end as stage
    from summed as s
    left join {{ ref("int_crm_stages") }} as c on s.account_id = c.subject
)

select * from final
