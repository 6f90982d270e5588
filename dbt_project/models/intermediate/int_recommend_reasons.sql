with

ranked as (
    select * from {{ ref("int_recommend_ranked") }}
    where kind = 'new'
),

tastes as (
    select * from {{ ref("int_recommend_tastes") }}
),

pairs as (
    select * from {{ ref("int_item_pairs") }}
),

items as (
    select * from {{ ref("int_item_stats") }}
),

products as (
    select * from {{ ref("int_recommend_products") }}
),

-- A step of its own (hence distinct): some engines would begin with all neighbours of what is popular.
theirs as (
    select distinct
        r.person_no,
        r.item_no as neighbour_no,
        t.item_no,
        t.weight
    from ranked as r
    inner join tastes as t on r.person_no = t.person_no
),

-- What may not be recommended is no reason to be told either.
near as (
    select
        t.person_no,
        t.neighbour_no,
        x.name,
        row_number() over (
            partition by t.person_no, t.neighbour_no
            order by t.weight * p.cosine desc, t.item_no asc
        ) as place
    from theirs as t
    inner join pairs as p on t.item_no = p.item_no and t.neighbour_no = p.neighbour_no
    inner join items as i on t.item_no = i.item_no
    inner join products as x on i.product_key = x.product_key
),

final as (
    select
        r.person_id,
        r.kind,
        r.product_key,
        n.name as bought_with
    from ranked as r
    inner join near as n on r.person_no = n.person_no and r.item_no = n.neighbour_no
    where n.place = 1
)

select * from final
