with

habits as (
    select * from {{ ref("int_item_habits") }}
),

counted as (
    select
        is_now,
        source_id,
        product_key,
        cast(sum(days_14) as numeric(18, 6)) as popular,
        cast(sum(case when bought_days >= 2 then 1 else 0 end) * 1e0 / count(*) as numeric(9, 6)) as repeat_rate
    from habits
    group by is_now, source_id, product_key
),

-- Within a run an item goes by a number: millions of pairs are joined and counted faster so.
final as (
    select
        *,
        row_number() over (order by is_now asc, product_key asc) as item_no,
        row_number() over (partition by is_now, source_id order by popular desc, product_key asc) as rank_in_shop
    from counted
)

select * from final
