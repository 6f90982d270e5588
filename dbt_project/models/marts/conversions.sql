with

orders as (
    select *
    from {{ ref("orders") }}
    where node_id is not null and {{ is_bought("status") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

accounts as (
    select * from {{ ref("account_members") }}
    where is_main
),

final as (
    select
        {{ key(["'buy'", "o.order_key"]) }} as conversion_key,
        o.node_id,
        a.account_id,
        'buy' as goal,
        o.ordered_at as occurred_at,
        o.amount_reporting_minor as value_minor,
        o.source_id,
        o.known_at
    from orders as o
    left join nodes as n on o.node_id = n.node_id
    left join accounts as a on n.person_id = a.person_id
)

select * from final
