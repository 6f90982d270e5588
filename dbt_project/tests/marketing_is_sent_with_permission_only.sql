-- Guards the promise that everything else rests on: a marketing message leaves only to an address with a
-- granted permission that holds now; on a soft opt-in, only if it is about what is like the things bought.
with

planned as (
    select * from {{ ref("audience_triggered") }}
    union all
    select * from {{ ref("audience_mass") }}
)

select
    a.message_key,
    a.programme
from planned as a
left join {{ ref("programmes") }} as g on a.programme = g.programme and g.similar_products
inner join {{ ref("channels") }} as h on a.channel = h.channel
left join {{ ref("permission_now") }} as p
    on
        a.address_node = p.address_node and h.permission_channel = p.channel and a.purpose = p.purpose
        and p.state = 'granted' and p.since <= {{ as_of() }}
        and (p.legal_basis = 'consent' or (p.legal_basis = 'soft_opt_in' and g.programme is not null))
where a.purpose <> 'service' and p.address_node is null
