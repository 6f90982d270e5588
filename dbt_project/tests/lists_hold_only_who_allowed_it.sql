-- Guards what leaves besides messages: nobody is put on a list of another tool without a granted permission,
-- nor somebody who was erased.
with

members as (
    select * from {{ ref("audience_members") }}
)

select
    m.audience,
    m.address_node
from members as m
left join {{ ref("permission_now") }} as p
    on m.address_node = p.address_node and m.purpose = p.purpose and p.channel = 'email' and p.state = 'granted'
left join {{ ref("int_erased_nodes") }} as e on m.address_node = e.node_id
where p.address_node is null or e.node_id is not null
