{# So many of one's own usual gaps are a long silence, if they are at least so many days and at most a year. #}
{% set gaps, least_days, most_days = 2.5, 30, 365 %}

with

days as (
    select * from {{ ref("int_purchase_days") }}
    where before_at is not null
),

orders as (
    select *
    from {{ ref("orders") }}
    where {{ is_bought("status") }} and ordered_at >= {{ ago(most_days + 90, "day") }} and ordered_at <= {{ as_of() }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

-- Whoever bought on one day only has no usual gap.
habits as (
    select
        person_id,
        count(*) + 1 as purchase_days,
        percentile_cont(0.5) within group (
            order by {{ day_number("bought_on") }} - {{ day_number(day_of("before_at")) }}
        ) as gap
    from days
    group by person_id
),

lasts as (
    select
        n.person_id,
        o.*
    from orders as o
    inner join nodes as n on o.node_id = n.node_id
    qualify row_number() over (partition by n.person_id order by o.ordered_at desc, o.order_key asc) = 1
),

final as (
    select
        l.person_id,
        l.order_key,
        l.source_id,
        l.order_id,
        l.ordered_at,
        l.amount_minor,
        l.currency,
        h.purchase_days,
        cast(round(h.gap, 1) as numeric(18, 1)) as usual_days,
        {{ after("l.ordered_at", "cast(greatest(ceil(" ~ gaps ~ " * h.gap), " ~ least_days ~ ") as integer)", "day") }}
            as lapsed_at
    from lasts as l
    inner join habits as h on l.person_id = h.person_id
    where {{ gaps }} * h.gap <= {{ most_days }}
)

select * from final
