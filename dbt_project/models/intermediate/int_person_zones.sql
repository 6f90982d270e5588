with

zones as (
    select * from {{ ref("int_web_zones") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

final as (
    select
        n.person_id,
        max_by(z.time_zone, {{ moment_key("z.said_at", "z.node_id") }}) as time_zone
    from zones as z
    inner join nodes as n on z.node_id = n.node_id
    group by n.person_id
)

select * from final
