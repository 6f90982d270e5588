{{ config(materialized="view") }}

with

orders as (
    select * from {{ ref("int_orders") }}
    where status in ('returned', 'refunded') or (refund_minor > 0 and refund_minor >= amount_minor)
),

lines as (
    select * from {{ ref("int_order_lines") }}
),

-- Which line of a partial refund came back is not told.
final as (
    select
        l.order_line_key,
        l.order_key,
        l.source_id,
        l.node_id,
        l.product_key,
        l.ordered_at,
        l.known_at
    from lines as l
    inner join orders as o on l.order_key = o.order_key
)

select * from final
