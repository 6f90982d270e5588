{{ config(materialized="view") }}

with

lines as (
    select * from {{ ref("int_order_lines") }}
),

rates as (
    select
        currency,
        {{ minor_rate() }} as rate
    from {{ ref("currency_rates") }}
),

final as (
    select
        l.order_line_key,
        l.order_key,
        l.source_id,
        l.line_id,
        l.product_key,
        l.product_id,
        l.node_id,
        l.ordered_at,
        l.quantity,
        l.price_minor,
        l.amount_minor,
        l.currency,
        cast(round(l.amount_minor * r.rate) as {{ dbt.type_bigint() }}) as amount_reporting_minor
    from lines as l
    left join rates as r on l.currency = r.currency
)

select * from final
