-- Guards against two halves of one person: a propagation that stopped a round early left people
-- whose phone had withdrawn and whose laptop went on being written to.
select
    e.node_id,
    e.other_id
from {{ ref("int_identity_edges") }} as e
inner join {{ ref("people_nodes") }} as n on e.node_id = n.node_id
left join {{ ref("people_nodes") }} as o on e.other_id = o.node_id
where o.person_id is distinct from n.person_id
