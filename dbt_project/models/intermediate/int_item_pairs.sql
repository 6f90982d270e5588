{# How much two items must have been together, and how many neighbours one keeps. #}
{% set most_items, least_baskets, least_together, neighbours = 100, 10, 3, 50 %}

with

lines as (
    select * from {{ ref("int_order_lines") }}
    where is_bought and ordered_on >= {{ day_of(ago(195, "day")) }} and ordered_at <= {{ as_of() }}
),

moments as (
    select * from {{ ref("int_item_moments") }}
),

items as (
    select * from {{ ref("int_item_stats") }}
),

-- Up to the start of the day: whoever asks twice a day sees the same.
basket_lines as (
    select distinct
        m.is_now,
        l.order_key,
        l.product_key
    from lines as l
    inner join moments as m on l.ordered_on >= m.baskets_since and l.ordered_on < m.on_day
),

baskets as (
    select
        is_now,
        order_key,
        row_number() over (order by is_now asc, order_key asc) as basket_no
    from basket_lines
    group by is_now, order_key
    having count(*) between 2 and {{ most_items }}
),

numbered as (
    select
        b.basket_no,
        i.item_no
    from basket_lines as l
    inner join baskets as b on l.is_now = b.is_now and l.order_key = b.order_key
    inner join items as i on l.is_now = i.is_now and l.product_key = i.product_key
),

frequent as (
    select
        item_no,
        count(*) as baskets
    from numbered
    group by item_no
    having count(*) >= {{ least_baskets }}
),

kept as (
    select n.*
    from numbered as n
    inner join frequent as f on n.item_no = f.item_no
),

together as (
    select
        a.item_no,
        b.item_no as neighbour_no,
        count(*) as baskets
    from kept as a
    inner join kept as b on a.basket_no = b.basket_no and a.item_no < b.item_no
    group by a.item_no, b.item_no
    having count(*) >= {{ least_together }}
),

both_ways as (
    select * from together
    union all
    select
        neighbour_no as item_no,
        item_no as neighbour_no,
        baskets
    from together
),

compared as (
    select
        t.item_no,
        t.neighbour_no,
        cast(round(t.baskets / sqrt(a.baskets * b.baskets), 6) as numeric(9, 6)) as cosine
    from both_ways as t
    inner join frequent as a on t.item_no = a.item_no
    inner join frequent as b on t.neighbour_no = b.item_no
),

final as (
    select *
    from compared
    qualify row_number() over (partition by item_no order by cosine desc, neighbour_no asc) <= {{ neighbours }}
)

select * from final
