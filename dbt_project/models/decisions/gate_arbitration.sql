with

caps as (
    select * from {{ ref("gate_caps") }}
),

survivors as (
    select
        c.*,
        g.priority
    from {{ ref("int_survivors") }} as c
    inner join caps as k on c.candidate_key = k.candidate_key
    inner join {{ ref("programmes") }} as g on c.programme = g.programme
    where k.failed is null and k.deferred is null
),

-- Triggers that wait for the morning or for room under a cap.
waiting as (
    select c.person_id
    from {{ ref("candidates") }} as c
    inner join {{ ref("int_independent_verdicts") }} as v on c.candidate_key = v.candidate_key
    where c.kind = 'triggered' and c.purpose = 'marketing'
    group by c.person_id, c.candidate_key
    having bool_and(v.verdict <> 'fail') and bool_or(v.verdict = 'defer')
    union
    select c.person_id
    from {{ ref("int_survivors") }} as c
    inner join caps as k on c.candidate_key = k.candidate_key
    where c.kind = 'triggered' and c.purpose = 'marketing' and k.deferred is not null
),

pending as (
    select distinct person_id
    from waiting
),

answered as (
    select
        s.person_id,
        max(s.planned_as_of) as last_at
    from {{ ref("int_person_messages") }} as s
    inner join {{ ref("contact_policy") }} as o on o.rule = 'after_trigger'
    where s.counts and s.kind = 'triggered' and s.planned_as_of > {{ ago("o.window_hours") }}
    group by s.person_id
),

deciding as (
    select distinct person_id
    from {{ ref("intent_scores") }}
    where stage = 'deciding'
),

ranked as (
    select
        *,
        row_number() over best as rank,
        first_value(programme) over best as winner,
        first_value(kind) over best as winner_kind
    from survivors
    window best as (
        partition by person_id, purpose
        order by
            case when kind = 'triggered' then 0 else 1 end asc,
            priority asc,
            value desc nulls last,
            candidate_key asc
    )
),

-- Response beats demand: a campaign waits while an answer is due or the person is deciding.
final as (
    select
        r.candidate_key,
        case
            when r.purpose = 'marketing' and r.rank > 1 and r.kind = 'mass' and r.winner_kind = 'mass'
                then 'lost_arbitration'
        end as failed,
        case
            when r.purpose <> 'marketing' then null
            when r.rank > 1 and r.kind = 'triggered' then 'lost_arbitration'
            when r.kind = 'mass' and (r.winner_kind = 'triggered' or p.person_id is not null) then 'trigger_pending'
            when r.kind = 'mass' and a.person_id is not null then 'after_trigger'
            when r.kind = 'mass' and d.person_id is not null then 'deciding'
        end as deferred,
        case
            when r.rank > 1 then r.winner
            when r.kind = 'mass' then cast(a.last_at as {{ dbt.type_string() }})
        end as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from ranked as r
    left join pending as p on r.person_id = p.person_id
    left join answered as a on r.person_id = a.person_id
    left join deciding as d on r.person_id = d.person_id
)

select * from final
