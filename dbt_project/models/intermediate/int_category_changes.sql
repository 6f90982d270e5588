{{ config(materialized="view") }}

with

versions as (
    select
        *,
        {{ key(["source_id", "product_id"]) }} as product_key,
        lag(category) over (
            partition by source_id, product_id
            order by landed_at, record_at nulls first, batch_id, seq
        ) as category_before
    from {{ ref("int_product_versions") }}
),

changes as (
    select *
    from versions
    where category is distinct from category_before
),

lines as (
    select * from {{ ref("int_order_lines") }}
),

events as (
    select * from {{ ref("int_web_events") }}
    where product_id is not null and category is null
),

-- Days whose purchases or views lie in another category from now on.
final as (
    select
        c.batch_id,
        c.seq,
        c.landed_at,
        l.ordered_on as occurred_on
    from changes as c
    inner join lines as l on c.product_key = l.product_key
    union all
    select
        c.batch_id,
        c.seq,
        c.landed_at,
        e.occurred_on
    from changes as c
    inner join events as e on c.id_space = e.id_space and c.product_id = e.product_id
)

select * from final
