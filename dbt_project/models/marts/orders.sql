{{ config(materialized="view") }}

with

orders as (
    select * from {{ ref("int_orders") }}
),

rates as (
    select
        currency,
        {{ minor_rate() }} as rate
    from {{ ref("currency_rates") }}
),

final as (
    select
        o.order_key,
        o.source_id,
        o.order_id,
        o.node_id,
        o.ordered_at,
        o.channel,
        o.store,
        o.status,
        o.amount_minor,
        o.currency,
        cast(round(o.amount_minor * r.rate) as {{ dbt.type_bigint() }}) as amount_reporting_minor,
        o.refund_minor,
        o.discount_minor,
        o.cart_id,
        o.known_at
    from orders as o
    left join rates as r on o.currency = r.currency
)

select * from final
