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
        conversion_key as signal_key,
        node_id,
        'purchase' as event,
        occurred_at
    from conversions
    where goal = 'buy'
)

select * from final
