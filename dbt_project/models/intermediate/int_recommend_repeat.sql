with

habits as (
    select * from {{ ref("int_recommend_habits") }}
),

items as (
    select * from {{ ref("int_item_stats") }}
),

-- Which formula is best differs from shop to shop, and each is far behind in some: int_recommend_formulas
-- compares these columns, int_recommend_ranked takes the best one.
final as (
    select
        h.is_now,
        h.person_no,
        i.item_no,
        h.bought_days,
        h.last_bought_on,
        cast({{ term_of("h.days_60") }} as numeric(9, 6)) as weight,
        cast(round(
            ln(1 + h.days_60) + ln(1 + h.days_180) + 3 * i.repeat_rate + 0.3 * ln(1 + i.popular), 6
        ) as numeric(18, 6)) as habit,
        cast(round(h.days_60 + 0.1 * h.days_180 + 0.3 * i.repeat_rate, 6) as numeric(18, 6)) as recent_days,
        cast(round(ln(1 + h.days_180) * ln(1 + i.popular), 6) as numeric(18, 6)) as trend
    from habits as h
    inner join items as i on h.is_now = i.is_now and h.product_key = i.product_key
)

select * from final
