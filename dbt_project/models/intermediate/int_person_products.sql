with

lines as (
    select * from {{ ref("int_order_lines") }}
    where is_bought and ordered_at <= {{ as_of() }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

final as (
    select
        n.person_id,
        l.product_key,
        max(l.ordered_at) as last_bought_at
    from lines as l
    inner join nodes as n on l.node_id = n.node_id
    group by n.person_id, l.product_key
)

select * from final
