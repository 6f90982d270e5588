with

zones as (
    select * from {{ ref("int_web_zones") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

last as (
    select
        node_id,
        max(said_at) as said_at
    from zones
    group by node_id
),

final as (
    select
        n.person_id,
        max_by(z.time_zone, {{ moment_key("z.said_at", "z.node_id") }}) as time_zone
    from zones as z
    inner join last as l on z.node_id = l.node_id and z.said_at = l.said_at
    inner join nodes as n on z.node_id = n.node_id
    group by n.person_id
)

select * from final
