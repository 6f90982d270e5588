with

zones as (
    select * from {{ ref("int_web_zones") }}
),

customers as (
    select * from {{ ref("int_customers") }}
    where is_current and time_zone is not null
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

web as (
    select
        n.person_id,
        max_by(z.time_zone, {{ moment_key("z.said_at", "z.node_id") }}) as time_zone
    from zones as z
    inner join last as l on z.node_id = l.node_id and z.said_at = l.said_at
    inner join nodes as n on z.node_id = n.node_id
    group by n.person_id
),

profiles as (
    select
        n.person_id,
        max_by(c.time_zone, {{ moment_key("c.landed_at", "c.user_node") }}) as time_zone
    from customers as c
    inner join nodes as n on c.user_node = n.node_id
    group by n.person_id
),

final as (
    select
        coalesce(p.person_id, w.person_id) as person_id,
        coalesce(p.time_zone, w.time_zone) as time_zone
    from profiles as p
    full outer join web as w on p.person_id = w.person_id
)

select * from final
