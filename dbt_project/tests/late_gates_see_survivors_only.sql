-- Guards the caps: a candidate that an earlier gate had stopped took the one free slot from the
-- message that could have gone. After a stop, gates 9 to 11 are not reached, and only then.
with

stops as (
    select
        g.candidate_key,
        g.gate_no,
        g.verdict,
        min(case when s.verdict in ('fail', 'defer') then s.gate_no end) as stopped_at
    from {{ ref("decision_gates") }} as g
    left join {{ ref("decision_gates") }} as s on g.candidate_key = s.candidate_key and g.gate_no > s.gate_no
    where g.gate_no >= 9
    group by g.candidate_key, g.gate_no, g.verdict
)

select
    candidate_key,
    gate_no,
    verdict
from stops
where (stopped_at is not null) <> (verdict = 'not_reached')
