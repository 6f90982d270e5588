{{ config(materialized="view") }}
{# Beside what is near to their items: the most popular of the shop and of each category they like. #}
{% set most_popular, most_liked = 200, 20 %}

with

people as (
    select * from {{ ref("int_recommend_people") }}
),

items as (
    select
        s.*,
        p.category,
        row_number() over (
            partition by s.is_now, s.source_id, p.category order by s.rank_in_shop asc
        ) as rank_in_category
    from {{ ref("int_item_stats") }} as s
    left join {{ ref("products") }} as p on s.product_key = p.product_key
),

tastes as (
    select * from {{ ref("int_recommend_tastes") }}
),

pairs as (
    select * from {{ ref("int_item_pairs") }}
),

likes as (
    select * from {{ ref("int_recommend_likes") }}
),

totals as (
    select
        person_no,
        sum(weight) as weight
    from tastes
    group by person_no
),

candidates as (
    select
        t.person_no,
        p.neighbour_no as item_no,
        t.weight * p.cosine as weight
    from tastes as t
    inner join pairs as p on t.item_no = p.item_no
    union all
    select
        p.person_no,
        i.item_no,
        0 as weight
    from people as p
    inner join items as i on p.is_now = i.is_now and p.source_id = i.source_id
    where i.rank_in_shop <= {{ most_popular }}
    union all
    select
        p.person_no,
        i.item_no,
        0 as weight
    from likes as l
    inner join people as p on l.person_id = p.person_id and p.is_now
    inner join items as i on l.category = i.category and p.source_id = i.source_id and i.is_now
    where i.rank_in_category <= {{ most_liked }}
),

summed as (
    select
        person_no,
        item_no,
        sum(weight) as weight
    from candidates
    group by person_no, item_no
),

-- Who has bought nothing is near to nothing. More places than a score has: engines round the last one apart.
final as (
    select
        s.person_no,
        s.item_no,
        coalesce(cast(s.weight * 1e0 / nullif(t.weight, 0) as numeric(18, 9)), 0) as affinity
    from summed as s
    left join totals as t on s.person_no = t.person_no
)

select * from final
