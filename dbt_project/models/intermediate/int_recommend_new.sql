with

affinity as (
    select * from {{ ref("int_recommend_affinity") }}
),

bought as (
    select * from {{ ref("int_recommend_repeat") }}
),

items as (
    select * from {{ ref("int_item_stats") }}
),

-- Formulas that compete, as in int_recommend_repeat.
final as (
    select
        i.is_now,
        a.person_no,
        a.item_no,
        cast(round(sqrt(i.popular) * (0.01 + a.affinity), 6) as numeric(18, 6)) as blend,
        cast(round(i.popular * (0.01 + a.affinity), 6) as numeric(18, 6)) as popular_first,
        cast(round(ln(1 + i.popular) * (0.003 + a.affinity), 6) as numeric(18, 6)) as near_first
    from affinity as a
    inner join items as i on a.item_no = i.item_no
    left join bought as b on a.person_no = b.person_no and a.item_no = b.item_no
    where b.item_no is null
)

select * from final
