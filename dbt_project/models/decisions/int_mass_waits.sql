with

caps as (
    select * from {{ ref("gate_caps") }}
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

people as (
    select person_id from pending
    union
    select person_id from answered
    union
    select person_id from deciding
),

final as (
    select
        w.person_id,
        case
            when p.person_id is not null then 'trigger_pending'
            when a.person_id is not null then 'after_trigger'
            else 'deciding'
        end as reason,
        a.last_at
    from people as w
    left join pending as p on w.person_id = p.person_id
    left join answered as a on w.person_id = a.person_id
)

select * from final
