{# As Klaviyo asks it of a shop before it speaks of groups. #}
{% set fewest_buyers, history_days, last_days, most_orders = 500, 180, 30, 3 %}
{# Recency, frequency and money, each 1 to 3, as Klaviyo puts them together. #}
{% set groups = {
    "champions": [333, 332, 323],
    "loyal": [321, 322, 331, 232, 233],
    "recent": [311, 312, 313, 222, 223],
    "needs_attention": [213, 221, 123, 132, 133],
    "at_risk": [231, 212, 122, 131, 211],
    "inactive": [111, 112, 113, 121],
} %}

with

days as (
    select * from {{ ref("int_purchase_days") }}
    where paid_orders > 0
),

buyers as (
    select
        person_id,
        min(first_at) as first_at,
        max(last_at) as last_at,
        cast(sum(paid_orders) as {{ dbt.type_bigint() }}) as orders,
        cast(sum(spent_minor) as {{ dbt.type_bigint() }}) as spent_minor
    from days
    group by person_id
),

shop as (
    select
        count(*) >= {{ fewest_buyers }}
        and coalesce(min(first_at) <= {{ ago(history_days, "day") }}, false)
        and coalesce(max(last_at) >= {{ ago(last_days, "day") }}, false)
        and coalesce(max(orders) >= {{ most_orders }}, false) as is_known_well
    from buyers
),

scored as (
    select
        person_id,
        {{ fifth("last_at") }} as recency_score,
        {{ fifth("orders") }} as frequency_score,
        {{ fifth("spent_minor") }} as monetary_score,
        100 * case
            when last_at >= {{ ago(180, "day") }} then 3
            when last_at >= {{ ago(365, "day") }} then 2
            else 1
        end
        + 10 * {{ third("orders") }} + {{ third("spent_minor") }} as cell
    from buyers
),

final as (
    select
        s.person_id,
        s.recency_score,
        s.frequency_score,
        s.monetary_score,
        case
            {%- for group, cells in groups.items() %}
            when s.cell in ({{ cells | join(", ") }}) then '{{ group }}'
            {%- endfor %}
        end as rfm_group
    from scored as s
    cross join shop as p
    where p.is_known_well
)

select * from final
