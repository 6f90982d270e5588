with

links as (
    select *
    from {{ ref("int_identity_links") }}
    where other_id is not null
),

limits as (
    select * from {{ ref("identity_limits") }}
),

-- Both directions, so that a limit can be asked of either end.
directed as (
    select
        node_id,
        node_type,
        other_id,
        other_type
    from links
    union
    select
        other_id as node_id,
        other_type as node_type,
        node_id as other_id,
        node_type as other_type
    from links
),

counted as (
    select
        node_id,
        other_type,
        min(node_type) as node_type,
        count(*) as links
    from directed
    group by node_id, other_type
),

-- A till's tablet, a family mailbox: it belongs to several people and says nothing about one.
-- A user id with too many of one kind (an agent's) is still a person; only that kind is not believed.
shared as (
    select
        c.node_id,
        c.node_type,
        c.other_type
    from counted as c
    inner join limits as l
        on c.node_type = l.node_type and c.other_type = l.other_type
    where c.links > l.max_links
),

final as (
    select
        d.node_id,
        d.other_id,
        d.node_type,
        d.other_type
    from directed as d
    where
        not exists (
            select 1 from shared as s
            where s.node_id = d.node_id and (s.node_type <> 'user_id' or s.other_type = d.other_type)
        )
        and not exists (
            select 1 from shared as t
            where t.node_id = d.other_id and (t.node_type <> 'user_id' or t.other_type = d.node_type)
        )
)

select * from final
