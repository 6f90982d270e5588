-- Guards against a gate that judges twice or not at all: a candidate without a verdict of gates 1 to 8
-- would be sent as if it had passed.
with

gates as (
    select count(*) as gates
    from {{ ref("gates") }}
)

select
    d.candidate_key,
    count(*) as verdicts
from {{ ref("decision_gates") }} as d
cross join gates as g
group by d.candidate_key, g.gates
having count(*) <> g.gates or bool_or(d.gate_no <= 8 and d.verdict = 'not_reached')
