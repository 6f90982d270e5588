{{ config(materialized="view") }}
{# signal: [what it counts, whether an order has it, whether it counts once a day]. Money is in major
   units of the reporting currency, by hundredths. Who buys is told by the days on which they do: three
   orders of one day are one trip. #}
{% set signals = {
    "purchase_day": ["1", "is_bought", true],
    "store_visit": ["1", "is_bought and channel = 'shop'", true],
    "coupon_day": ["1", "is_bought and discount_minor > 0", true],
    "spend": ["greatest(amount_minor - refund_minor, 0) * rate * 0.01", "is_bought", false],
    "discount": ["discount_minor * rate * 0.01", "is_bought and discount_minor > 0", false],
} %}

with

rates as (
    select
        currency,
        {{ minor_rate() }} as rate
    from {{ ref("currency_rates") }}
),

orders as (
    select
        o.*,
        r.rate
    from {{ ref("int_orders") }} as o
    left join rates as r on o.currency = r.currency
    where o.node_id is not null and o.ordered_at <= {{ as_of() }}
),

lines as (
    select * from {{ ref("int_order_lines") }}
    where node_id is not null and ordered_at <= {{ as_of() }}
),

returned as (
    select * from {{ ref("int_returned_lines") }}
    where node_id is not null and ordered_at <= {{ as_of() }}
),

products as (
    select * from {{ ref("products") }}
    where category is not null
),

final as (
    {% for signal, (amount, condition, is_daily) in signals.items() %}
    select
        node_id,
        '{{ signal }}' as signal,
        '' as topic,
        ordered_on as occurred_on,
        cast({{ amount }} as numeric(18, 6)) as amount,
        {{ is_daily | lower }} as is_daily
    from orders
    where {{ condition }}
    union all
    {% endfor %}
    select
        node_id,
        'items' as signal,
        '' as topic,
        ordered_on as occurred_on,
        cast(1 as numeric(18, 6)) as amount,
        false as is_daily
    from lines
    where is_bought
    union all
    select
        node_id,
        'returned' as signal,
        '' as topic,
        {{ day_of("ordered_at") }} as occurred_on,
        cast(1 as numeric(18, 6)) as amount,
        false as is_daily
    from returned
    {% for signal, is_daily in [("category_bought", true), ("category_items", false)] %}
    union all
    select
        l.node_id,
        '{{ signal }}' as signal,
        p.category as topic,
        l.ordered_on as occurred_on,
        cast(1 as numeric(18, 6)) as amount,
        {{ is_daily | lower }} as is_daily
    from lines as l
    inner join products as p on l.product_key = p.product_key
    where l.is_bought
    {% endfor %}
)

select * from final
