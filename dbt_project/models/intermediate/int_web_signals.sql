{{ config(materialized="view") }}
{% set signals = {
    "Product Viewed": "product_view", "Product Added": "cart_addition", "Checkout Started": "checkout",
    "Products Searched": "search", "Content Downloaded": "download", "Email Link Clicked": "email_click",
} %}

with

events as (
    select
        *,
        coalesce(user_node, device_node) as node_id
    from {{ ref("int_web_events") }}
    where not is_bot and coalesce(user_node, device_node) is not null and occurred_at <= {{ as_of() }}
),

-- Whoever would rather be called has not said what for.
said as (
    select * from {{ ref("int_said") }}
    where
        node_id is not null and choice = 'interested' and said_at <= {{ as_of() }}
        and topic not in ('email', 'phone', 'post', 'frequency')
),

-- Sources that share their ids may list the same product twice.
products as (
    select
        id_space,
        product_id,
        min(category) as category
    from {{ ref("products") }}
    where category is not null
    group by id_space, product_id
),

final as (
    select
        node_id,
        case event
            {% for event, signal in signals.items() %}
            when '{{ event }}' then '{{ signal }}'
            {% endfor %}
        end as signal,
        '' as topic,
        occurred_on,
        cast(1 as numeric(18, 6)) as amount,
        false as is_daily
    from events
    where event in ('{{ signals | join("', '") }}')
    union all
    select
        e.node_id,
        'category_viewed' as signal,
        coalesce(e.category, p.category) as topic,
        e.occurred_on,
        cast(1 as numeric(18, 6)) as amount,
        false as is_daily
    from events as e
    left join products as p on e.id_space = p.id_space and e.product_id = p.product_id
    where e.event = 'Product Viewed' and coalesce(e.category, p.category) is not null
    {% for signal, topic, condition in [
        ("campaign_visit", "''", "event <> 'Coupon Applied'"),
        ("campaign_answered", "campaign", "event <> 'Coupon Applied'"),
        ("coupon_redeemed", "campaign", "event = 'Coupon Applied'"),
    ] %}
    union all
    select
        node_id,
        '{{ signal }}' as signal,
        {{ topic }} as topic,
        occurred_on,
        cast(1 as numeric(18, 6)) as amount,
        true as is_daily
    from events
    where campaign is not null and {{ condition }}
    {% endfor %}
    union all
    select
        node_id,
        'stated_interest' as signal,
        topic,
        occurred_on,
        cast(1 as numeric(18, 6)) as amount,
        true as is_daily
    from said
)

select * from final
