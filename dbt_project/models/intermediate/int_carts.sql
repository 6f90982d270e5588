with

web as (
    select * from {{ ref("int_web_carts") }}
),

store as (
    select * from {{ ref("int_store_carts") }}
),

orders as (
    select *
    from {{ ref("int_orders") }}
    where cart_id is not null
),

shared as (
    select distinct node_id
    from {{ ref("int_shared_identifiers") }}
    where node_type <> 'user_id'
),

ordered as (
    select
        id_space,
        cart_id,
        min(ordered_at) as ordered_at
    from orders
    group by id_space, cart_id
),

-- The store knows what is in its carts; a tracker that shares its ids may know whose they are.
carts as (
    select
        coalesce(s.source_id, w.source_id) as source_id,
        coalesce(s.id_space, w.id_space) as id_space,
        coalesce(s.cart_id, w.cart_id) as cart_id,
        coalesce(s.user_node, case when h.node_id is null then s.email_node end, w.node_id, s.email_node) as node_id,
        coalesce(s.started_at, w.started_at, s.changed_at) as started_at,
        coalesce(s.changed_at, w.changed_at) as changed_at,
        coalesce(w.completed_at, case when s.is_ordered then s.changed_at end) as completed_at,
        coalesce(s.is_closed, false) as is_closed,
        coalesce(s.lines, w.lines) as lines,
        coalesce(s.value_minor, w.value_minor) as value_minor,
        case when s.cart_id is null then w.top_product_ids else s.top_product_ids end as top_product_ids,
        coalesce(s.currency, w.currency) as currency
    from web as w
    full outer join store as s on w.id_space = s.id_space and w.cart_id = s.cart_id
    left join shared as h on s.email_node = h.node_id
),

final as (
    select
        {{ key(["c.id_space", "c.cart_id"]) }} as cart_key,
        c.source_id,
        c.id_space,
        c.cart_id,
        c.node_id,
        c.started_at,
        c.changed_at,
        coalesce(c.completed_at, o.ordered_at) as ordered_at,
        c.is_closed,
        c.lines,
        c.value_minor,
        c.top_product_ids,
        c.currency
    from carts as c
    left join ordered as o on c.id_space = o.id_space and c.cart_id = o.cart_id
)

select * from final
