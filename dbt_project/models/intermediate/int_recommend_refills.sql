{# How much of the usual time has to be over; and how many of its buyers come again for what is used up. #}
{% set nearly, used_up = 0.8, 0.2 %}

with

ranked as (
    select * from {{ ref("int_recommend_ranked") }}
    where kind = 'repeat'
),

days as (
    select * from {{ ref("int_item_days") }}
),

habits as (
    select * from {{ ref("int_item_habits") }}
    where is_now
),

items as (
    select * from {{ ref("int_item_stats") }}
    where is_now
),

gaps as (
    select
        person_id,
        product_key,
        {{ day_number("bought_on") }} - lag({{ day_number("bought_on") }}) over (
            partition by person_id, product_key order by bought_on asc
        ) as gap
    from days
    where product_key in (select r.product_key from ranked as r)
),

own as (
    select
        person_id,
        product_key,
        count(*) as gaps,
        percentile_cont(0.5) within group (order by gap) as gap
    from gaps
    where gap is not null
    group by person_id, product_key
),

of_item as (
    select
        g.product_key,
        percentile_cont(0.5) within group (order by g.gap) as gap
    from gaps as g
    inner join items as i on g.product_key = i.product_key
    where g.gap is not null and i.repeat_rate >= {{ used_up }}
    group by g.product_key
),

-- One gap may be chance: then that of all who bought it again tells more.
usual as (
    select
        r.person_id,
        r.kind,
        r.product_key,
        h.bought_days,
        h.last_bought_on,
        {{ day_number(day_of(as_of())) }} - {{ day_number("h.last_bought_on") }} as days_since,
        case when o.gaps >= 2 then o.gap else i.gap end as usual_days
    from ranked as r
    inner join habits as h on r.person_id = h.person_id and r.product_key = h.product_key
    left join own as o on r.person_id = o.person_id and r.product_key = o.product_key
    left join of_item as i on r.product_key = i.product_key
),

final as (
    select
        person_id,
        kind,
        product_key,
        bought_days,
        last_bought_on,
        cast(round(usual_days, 1) as numeric(18, 1)) as usual_days,
        coalesce(days_since >= {{ nearly }} * usual_days, false) as is_due
    from usual
)

select * from final
