with

messages as (
    select * from {{ ref("messages") }}
    where planned_as_of < {{ as_of() }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

-- Whoever the address belongs to now: messages follow a merge.
final as (
    select
        m.message_key,
        coalesce(n.person_id, m.person_id) as person_id,
        m.programme,
        m.campaign_id,
        m.occasion,
        m.step,
        m.channel,
        m.purpose,
        m.kind,
        m.planned_as_of,
        m.state in ('reserved', 'delivering', 'accepted', 'unknown', 'held') as counts
    from messages as m
    left join nodes as n on m.address_node = n.node_id
)

select * from final
