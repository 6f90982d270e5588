{{ config(materialized="view") }}

with

web_events as (
    select *
    from {{ ref("web_events") }}
    where
        not is_bot
        and event in ('Product Viewed', 'Product Added', 'Checkout Started', 'Content Downloaded')
),

conversions as (
    select * from {{ ref("conversions") }}
    where goal = 'buy'
),

-- Who buys is told by the days on which they do: three orders of one day are one trip.
purchase_days as (
    select
        node_id,
        {{ day_of("occurred_at") }} as occurred_on,
        min(occurred_at) as occurred_at
    from conversions
    group by node_id, {{ day_of("occurred_at") }}
),

final as (
    select
        event_key as signal_key,
        node_id,
        case event
            when 'Product Viewed' then 'product_view'
            when 'Product Added' then 'cart_addition'
            when 'Checkout Started' then 'checkout'
            else 'download'
        end as event,
        occurred_at
    from web_events
    where node_id is not null
    union all
    select
        {{ key(["'purchase_day'", "node_id", "occurred_on"]) }} as signal_key,
        node_id,
        'purchase_day' as event,
        occurred_at
    from purchase_days
)

select * from final
