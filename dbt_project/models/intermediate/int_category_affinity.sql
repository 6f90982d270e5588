with

lines as (
    select * from {{ ref("int_order_lines") }}
    where node_id is not null and is_bought and ordered_at >= {{ ago(365, "day") }}
),

products as (
    select * from {{ ref("products") }}
    where category is not null
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

memory as (
    select * from {{ ref("memory") }}
    where fact = 'interest' and kind = 'said' and product_key is null and is_current
),

bought as (
    select
        n.person_id,
        p.category,
        count(*) as lines
    from lines as l
    inner join products as p on l.product_key = p.product_key
    inner join nodes as n on l.node_id = n.node_id
    group by n.person_id, p.category
),

totals as (
    select
        person_id,
        sum(lines) as lines
    from bought
    group by person_id
),

-- Stated beats inferred: who says they like a category likes it wholly.
final as (
    select
        coalesce(b.person_id, m.person_id) as person_id,
        coalesce(b.category, m.topic) as category,
        coalesce(b.lines, 0) as lines,
        case
            when m.value = 'interested' then cast(1 as numeric(9, 6))
            when m.value = 'not_interested' then cast(0 as numeric(9, 6))
            else cast(b.lines * 1e0 / t.lines as numeric(9, 6))
        end as affinity,
        case when m.value is not null then 'said' else 'did' end as basis
    from bought as b
    full outer join memory as m on b.person_id = m.person_id and b.category = m.topic
    left join totals as t on b.person_id = t.person_id
)

select * from final
