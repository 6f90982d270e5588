with

people as (
    select * from {{ ref("people") }}
),

bought as (
    select
        person_id,
        min(first_at) as first_order_at,
        max(last_at) as last_order_at,
        cast(sum(spent_minor) as {{ dbt.type_bigint() }}) as spent_minor
    from {{ ref("int_purchase_days") }}
    group by person_id
),

rfm as (
    select * from {{ ref("int_rfm") }}
),

worth as (
    select
        *,
        {{ fifth("value_minor") }} as fifth
    from {{ ref("int_value") }}
),

discounts as (
    select * from {{ ref("int_discounts") }}
),

engagement as (
    select * from {{ ref("int_engagement") }}
),

affinity as (
    select
        *,
        row_number() over (partition by person_id order by affinity desc, lines desc, category asc) as rank
    from {{ ref("int_category_affinity") }}
    where affinity > 0
),

final as (
    select
        p.person_id,
        case
            when b.person_id is null then 'prospect'
            when b.first_order_at >= {{ ago(30, "day") }} then 'new'
            when b.last_order_at >= {{ ago(90, "day") }} then 'active'
            when b.last_order_at >= {{ ago(180, "day") }} then 'at_risk'
            else 'lapsed'
        end as lifecycle,
        r.recency_score,
        r.frequency_score,
        r.monetary_score,
        r.rfm_group,
        coalesce(b.spent_minor, 0) as spent_minor,
        w.value_minor,
        case
            when w.fifth = 5 then 'high'
            when w.fifth >= 3 then 'middle'
            when w.fifth is not null then 'low'
        end as value_tier,
        w.churn_risk,
        a.category as favourite_category,
        a.affinity as favourite_affinity,
        d.price_sensitivity,
        d.discount_dependence,
        e.engagement,
        e.engaged_at
    from people as p
    left join bought as b on p.person_id = b.person_id
    left join rfm as r on p.person_id = r.person_id
    left join worth as w on p.person_id = w.person_id
    left join discounts as d on p.person_id = d.person_id
    left join engagement as e on p.person_id = e.person_id
    left join affinity as a on p.person_id = a.person_id and a.rank = 1
)

select * from final
