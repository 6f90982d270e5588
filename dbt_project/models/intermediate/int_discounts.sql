{# Habits last longer than wishes: half a year later a purchase counts half. #}
{% set half_life_days, fewest_days = 180, 3 %}

with

days as (
    select * from {{ ref("int_purchase_days") }}
),

faded as (
    select
        person_id,
        is_discounted,
        {{ faded("1", "bought_on", day_of(as_of()), half_life_days) }} as trips,
        {{ faded("greatest(spent_minor, 0)", "bought_on", day_of(as_of()), half_life_days) }} as spent
    from days
),

habits as (
    select
        person_id,
        count(*) as day_count,
        count(*) filter (where is_discounted) as discounted_days,
        sum(trips) as trips,
        sum(spent) as spent,
        sum(case when is_discounted then spent else 0 end) as discounted
    from faded
    group by person_id
),

-- Where nobody was ever given a discount, nobody is known to wait for one.
shop as (
    select
        sum(spent) * 1e0 / nullif(sum(trips), 0) as per_trip,
        nullif(sum(discounted), 0) * 1e0 / nullif(sum(spent), 0) as share_discounted
    from habits
),

-- Everybody is given one trip of the shop's average: who bought once is no extreme.
final as (
    select
        h.person_id,
        cast(round(
            (h.discounted + s.per_trip * s.share_discounted) / nullif(h.spent + s.per_trip, 0), 6
        ) as numeric(9, 6)) as price_sensitivity,
        case
            when h.day_count >= {{ fewest_days }} and s.share_discounted is not null
                then cast(round(h.discounted_days * 1e0 / h.day_count, 6) as numeric(9, 6))
        end as discount_dependence
    from habits as h
    cross join shop as s
)

select * from final
