with

people as (
    select * from {{ ref("people") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

orders as (
    select * from {{ ref("orders") }}
    where {{ is_bought("status") }}
),

rates as (
    select
        currency,
        {{ minor_rate() }} as rate
    from {{ ref("currency_rates") }}
),

sessions as (
    select * from {{ ref("sessions") }}
    where not is_bot
),

affinity as (
    select
        *,
        row_number() over (partition by person_id order by affinity desc, lines desc, category asc) as rank
    from {{ ref("int_category_affinity") }}
    where affinity > 0
),

spent as (
    select
        n.person_id,
        cast(sum(round((o.amount_minor - o.refund_minor) * r.rate)) as {{ dbt.type_bigint() }}) as spent_minor
    from orders as o
    inner join nodes as n on o.node_id = n.node_id
    inner join rates as r on o.currency = r.currency
    group by n.person_id
),

visited as (
    select
        n.person_id,
        max(s.ended_at) as last_visit_at
    from sessions as s
    inner join nodes as n on s.node_id = n.node_id
    group by n.person_id
),

scored as (
    select
        p.person_id,
        {{ fifth("p.last_order_at") }} as recency_score,
        {{ fifth("p.order_count") }} as frequency_score,
        {{ fifth("coalesce(s.spent_minor, 0)") }} as monetary_score,
        coalesce(s.spent_minor, 0) as spent_minor
    from people as p
    left join spent as s on p.person_id = s.person_id
    where p.is_customer
),

final as (
    select
        p.person_id,
        case
            when not p.is_customer then 'prospect'
            when p.first_order_at >= {{ ago(30, "day") }} then 'new'
            when p.last_order_at >= {{ ago(90, "day") }} then 'active'
            when p.last_order_at >= {{ ago(180, "day") }} then 'at_risk'
            else 'lapsed'
        end as lifecycle,
        r.recency_score,
        r.frequency_score,
        r.monetary_score,
        coalesce(r.spent_minor, 0) as spent_minor,
        case
            when r.monetary_score = 5 then 'high'
            when r.monetary_score >= 3 then 'middle'
            when r.monetary_score is not null then 'low'
        end as value_tier,
        a.category as favourite_category,
        greatest(v.last_visit_at, p.last_order_at) as engaged_at
    from people as p
    left join scored as r on p.person_id = r.person_id
    left join affinity as a on p.person_id = a.person_id and a.rank = 1
    left join visited as v on p.person_id = v.person_id
)

select * from final
