with

events as (
    select *
    from {{ ref("int_web_events") }}
    where cart_id is not null and not is_bot
),

-- Trackers that share an id space speak of the same carts.
-- What is in one now: added less removed, at the last price seen.
lines as (
    select
        id_space,
        cart_id,
        product_id,
        greatest(sum(
            case event
                when 'Product Added' then coalesce(quantity, 1)
                when 'Product Removed' then -coalesce(quantity, 1)
                else 0
            end
        ), 0) as quantity,
        max_by(price_minor, {{ moment_key("occurred_at", "event_key") }}) as price_minor,
        max(occurred_at) as changed_at
    from events
    where event in ('Product Added', 'Product Removed') and product_id is not null
    group by id_space, cart_id, product_id
),

contents as (
    select
        id_space,
        cart_id,
        count(*) as lines,
        cast(sum(quantity * coalesce(price_minor, 0)) as {{ dbt.type_bigint() }}) as value_minor,
        {{ ordered_list("product_id", "quantity * coalesce(price_minor, 0) desc, product_id", most=3) }}
            as top_product_ids
    from lines
    where quantity > 0
    group by id_space, cart_id
),

carts as (
    select
        id_space,
        cart_id,
        coalesce(max(user_node), min(device_node)) as node_id,
        max(currency) as currency,
        min(source_id) as source_id,
        min(occurred_at) as started_at,
        max(occurred_at) as changed_at,
        min(case when event = 'Order Completed' then occurred_at end) as completed_at
    from events
    group by id_space, cart_id
),

final as (
    select
        c.id_space,
        c.cart_id,
        c.source_id,
        c.node_id,
        c.started_at,
        c.changed_at,
        c.completed_at,
        coalesce(n.lines, 0) as lines,
        coalesce(n.value_minor, 0) as value_minor,
        n.top_product_ids,
        c.currency
    from carts as c
    left join contents as n on c.id_space = n.id_space and c.cart_id = n.cart_id
)

select * from final
