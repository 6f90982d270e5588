-- Guards against a plan that nobody can retrace: recomputes every verdict from decision_gates, in
-- another way than the model does.
with

counted as (
    select
        candidate_key,
        min(case when verdict = 'fail' then gate_no end) as failed_at,
        min(case when verdict = 'defer' then gate_no end) as deferred_at
    from {{ ref("decision_gates") }}
    group by candidate_key
),

expected as (
    select
        candidate_key,
        case
            when failed_at = 11 then 'hold'
            when failed_at is not null then 'drop'
            when deferred_at is not null then 'defer'
            else 'send'
        end as verdict,
        coalesce(failed_at, deferred_at) as gate_no
    from counted
)

select
    d.candidate_key,
    d.verdict,
    e.verdict as expected
from {{ ref("decisions") }} as d
inner join expected as e on d.candidate_key = e.candidate_key
left join {{ ref("gates") }} as g on e.gate_no = g.gate_no
where d.verdict <> e.verdict or d.gate is distinct from g.gate
