with

people as (
    select * from {{ ref("int_recommend_people") }}
    where not is_now
),

items as (
    select * from {{ ref("int_item_stats") }}
    where not is_now
),

days as (
    select * from {{ ref("int_item_days") }}
),

moments as (
    select * from {{ ref("int_item_moments") }}
    where not is_now
),

bought as (
    select * from {{ ref("int_recommend_repeat") }}
    where not is_now
),

-- Up to the start of the run's day. What nobody had bought before has no number: no formula finds it.
final as (
    select distinct
        p.person_no,
        p.source_id,
        d.product_key,
        i.item_no,
        case when b.item_no is null then 'new' else 'repeat' end as kind
    from days as d
    inner join moments as m on d.bought_on > m.on_day
    inner join people as p on d.person_id = p.person_id and d.source_id = p.source_id
    left join items as i on d.product_key = i.product_key
    left join bought as b on p.person_no = b.person_no and i.item_no = b.item_no
    where d.bought_on < {{ day_of(as_of()) }}
)

select * from final
