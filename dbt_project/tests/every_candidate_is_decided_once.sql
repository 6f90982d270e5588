-- Guards against silence: an inner join in a gate lost candidates, and nobody could say why those
-- people heard nothing. Candidates = send + defer + drop + hold, in every run.
select
    c.candidate_key as candidate,
    d.candidate_key as decision
from {{ ref("candidates") }} as c
full outer join {{ ref("decisions") }} as d on c.candidate_key = d.candidate_key
where c.candidate_key is null or d.candidate_key is null
