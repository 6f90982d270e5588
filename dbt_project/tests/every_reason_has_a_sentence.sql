-- Guards against 'dropped: null': a reason that explain cannot put into words.
select distinct
    d.gate,
    d.verdict,
    d.reason
from {{ ref("decision_gates") }} as d
left join {{ ref("reasons") }} as r on d.gate = r.gate and d.reason = r.reason
where d.verdict in ('fail', 'defer') and r.reason is null
