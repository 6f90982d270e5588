{# So long before a change somebody must have looked at the product; what is older is not read. #}
{% set interest_days, most_days = 60, 100 %}

with

windows as (
    select max(expires_minutes) as expires_minutes
    from {{ ref("int_programme_steps") }}
    where programme in ('price_drop', 'back_in_stock')
),

changes as (
    select * from {{ ref("product_changes") }}
    where changed_at >= {{ ago(most_days, "day") }}
),

catalogue as (
    select * from {{ ref("int_catalogue") }}
    where not is_sensitive
),

events as (
    select
        id_space,
        product_id,
        coalesce(user_node, device_node) as node_id,
        occurred_at
    from {{ ref("int_web_events") }}
    where
        occurred_on >= {{ day_of(ago(most_days, "day")) }}
        and not is_bot and product_id is not null
        and event in ('Product Viewed', 'Product Added', 'Product Added to Wishlist')
),

-- A price that was put up to be cut has not fallen: it is compared with the lowest of the 30 days before,
-- as the price indication law of the European Union asks of whoever announces a reduction.
priced as (
    select
        *,
        min(case when was_currency is not distinct from currency then was_price_minor end) over (
            partition by product_key, currency
            order by changed_at
            range between interval '30 days' preceding and current row
        ) as lowest_minor
    from changes
),

recent as (
    select
        p.id_space,
        p.product_id,
        c.product_key,
        c.product_change_key,
        c.changed_at,
        c.price_minor,
        c.lowest_minor,
        c.currency,
        coalesce(c.in_stock and not c.was_in_stock, false) as is_back
    from priced as c
    inner join catalogue as p on c.product_key = p.product_key
    cross join windows as w
    where
        c.changed_at <= {{ as_of() }} and {{ expires("c.changed_at", "w") }} > {{ as_of() }}
        and (c.price_minor < c.lowest_minor or (c.in_stock and not c.was_in_stock))
),

seen as (
    select
        n.person_id,
        o.product_change_key,
        max(e.occurred_at) as seen_at
    from recent as o
    inner join events as e
        on
            o.id_space = e.id_space and o.product_id = e.product_id
            and o.changed_at > e.occurred_at
            and {{ after("o.changed_at", "-" ~ interest_days, "day") }} <= e.occurred_at
    inner join {{ ref("people_nodes") }} as n on e.node_id = n.node_id
    group by n.person_id, o.product_change_key
),

final as (
    select
        s.person_id,
        o.product_change_key,
        o.product_key,
        o.changed_at,
        o.price_minor,
        o.lowest_minor,
        o.currency,
        o.is_back,
        s.seen_at,
        coalesce(b.last_bought_at >= s.seen_at, false) as is_bought_since
    from seen as s
    inner join recent as o on s.product_change_key = o.product_change_key
    left join {{ ref("int_product_purchases") }} as b
        on s.person_id = b.person_id and o.id_space = b.id_space and o.product_id = b.product_id
)

select * from final
