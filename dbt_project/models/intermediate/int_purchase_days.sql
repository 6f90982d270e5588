with

orders as (
    select *
    from {{ ref("orders") }}
    where {{ is_bought("status") }} and ordered_at <= {{ as_of() }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

rates as (
    select
        currency,
        {{ minor_rate() }} as rate
    from {{ ref("currency_rates") }}
),

days as (
    select
        n.person_id,
        {{ day_of("o.ordered_at") }} as bought_on,
        min(o.ordered_at) as first_at,
        max(o.ordered_at) as last_at,
        min(case when o.discount_minor > 0 then o.ordered_at end) as discounted_at,
        count(*) as orders,
        count(*) filter (where o.amount_minor > 0) as paid_orders,
        cast(sum(round(coalesce((o.amount_minor - o.refund_minor) * r.rate, 0))) as {{ dbt.type_bigint() }})
            as spent_minor
    from orders as o
    inner join nodes as n on o.node_id = n.node_id
    left join rates as r on o.currency = r.currency
    group by n.person_id, {{ day_of("o.ordered_at") }}
),

final as (
    select
        *,
        discounted_at is not null as is_discounted,
        lag(last_at) over (partition by person_id order by bought_on) as before_at
    from days
)

select * from final
