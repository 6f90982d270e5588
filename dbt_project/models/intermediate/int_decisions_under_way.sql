with

signs as (
    select * from {{ ref("int_decision_signs") }}
),

scores as (
    select * from {{ ref("intent_scores") }}
    where goal = 'enrol'
),

goals as (
    select * from {{ ref("goals") }}
    where goal = 'enrol'
),

-- A fortnight without a sign of anybody ends an episode. It keeps its first day however long it lasts.
marked as (
    select
        *,
        {{ begins("occurred_at", of="unit_id", tie="decision_sign_key", pause_days=14) }} as start_at
    from signs
),

episodes as (
    select
        unit_id,
        max(start_at) as began_at
    from marked
    group by unit_id
),

-- Only of what is recent: a colleague of last month no longer takes part.
members as (
    select
        s.person_id,
        s.account_id,
        s.unit_id,
        e.began_at,
        min(s.occurred_at) filter (where s.occurred_at >= e.began_at) as first_at,
        max(s.occurred_at) as last_at,
        count(distinct s.content_id) filter (where s.occurred_at >= {{ ago(14, "day") }}) as contents,
        count(*) filter (where s.sign = 'visit' and s.occurred_at >= {{ ago(14, "day") }}) as visits,
        max_by(s.topic, {{ moment_key("s.occurred_at", "s.decision_sign_key") }})
        filter (where s.topic is not null) as topic
    from signs as s
    inner join episodes as e on s.unit_id = e.unit_id
    group by s.person_id, s.account_id, s.unit_id, e.began_at
    having max(s.occurred_at) >= {{ ago(14, "day") }}
),

placed as (
    select
        *,
        count(*) over (partition by unit_id) as active_members,
        row_number() over (partition by unit_id order by first_at, person_id) as place
    from members
),

-- Whoever enrolled within the goal's horizon, as themselves or for the company, is not deciding any more.
enrolled as (
    select
        coalesce(v.account_id, n.person_id) as unit_id,
        max(v.occurred_at) as enrolled_at
    from {{ ref("conversions") }} as v
    inner join goals as g on v.goal = g.goal
    left join {{ ref("people_nodes") }} as n on v.node_id = n.node_id
    where v.occurred_at <= {{ as_of() }} and v.occurred_at > {{ ago("g.horizon_days", "day") }}
    group by coalesce(v.account_id, n.person_id)
),

final as (
    select
        p.*,
        max(case when p.place = 2 then p.first_at end) over (partition by p.unit_id) as joined_at,
        r.enrolled_at,
        s.stage,
        coalesce(s.probability, 0) as probability
    from placed as p
    left join enrolled as r on p.unit_id = r.unit_id
    left join scores as s on p.person_id = s.person_id
)

select * from final
