-- Guards against marketing that calls itself service (Flybe was fined for it): purpose and channel of
-- a message are those of the reviewed programme, whatever made the candidate.
select
    c.candidate_key,
    c.programme
from {{ ref("candidates") }} as c
left join {{ ref("programmes") }} as p
    on c.programme = p.programme and c.purpose = p.purpose and c.channel = p.channel and p.enabled
where p.programme is null
