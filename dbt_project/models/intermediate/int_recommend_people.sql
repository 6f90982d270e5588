{# So many buyers of a shop tell which formula is best; drawn by the hash that a person goes by. #}
{% set most_judges = 2000 %}

with

habits as (
    select * from {{ ref("int_item_habits") }}
),

days as (
    select * from {{ ref("int_item_days") }}
),

moments as (
    select * from {{ ref("int_item_moments") }}
),

likes as (
    select * from {{ ref("int_recommend_likes") }}
),

items as (
    select
        s.source_id,
        p.category
    from {{ ref("int_item_stats") }} as s
    inner join {{ ref("products") }} as p on s.product_key = p.product_key
    where s.is_now
    group by s.source_id, p.category
),

buyers as (
    select distinct
        is_now,
        person_id,
        source_id
    from habits
),

-- Who bought something in the days after the earlier moment.
answered as (
    select distinct
        d.person_id,
        d.source_id
    from days as d
    inner join moments as m on d.bought_on > m.on_day and not m.is_now
    where d.bought_on < {{ day_of(as_of()) }}
),

judges as (
    select b.*
    from buyers as b
    inner join answered as a on b.person_id = a.person_id and b.source_id = a.source_id
    where not b.is_now
    qualify row_number() over (partition by b.source_id order by b.person_id asc) <= {{ most_judges }}
),

served as (
    select
        person_id,
        source_id
    from buyers
    where is_now
    union
    select
        l.person_id,
        i.source_id
    from likes as l
    inner join items as i on l.category = i.category
),

people as (
    select
        is_now,
        person_id,
        source_id
    from judges
    union all
    select
        true as is_now,
        person_id,
        source_id
    from served
),

-- Within a run a person goes by a number, as items do.
final as (
    select
        *,
        row_number() over (order by is_now asc, source_id asc, person_id asc) as person_no
    from people
)

select * from final
