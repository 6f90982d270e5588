with

habits as (
    select * from {{ ref("int_item_habits") }}
),

people as (
    select * from {{ ref("int_recommend_people") }}
),

-- A step of its own: joined to the items in the same one, some engines begin with all people and all items.
final as (
    select
        p.is_now,
        p.person_no,
        h.product_key,
        h.bought_days,
        h.last_bought_on,
        h.days_60,
        h.days_180
    from habits as h
    inner join people as p on h.is_now = p.is_now and h.person_id = p.person_id and h.source_id = p.source_id
)

select * from final
