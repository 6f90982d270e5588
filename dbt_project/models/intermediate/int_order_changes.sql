{{ config(materialized="view") }}

with

orders as (
    select * from {{ ref("int_orders") }}
),

-- Lines that come inside their order change with it.
lines as (
    select * from {{ ref("int_order_line_versions") }}
    where not is_nested
),

order_versions as (
    select * from {{ ref("int_order_versions") }}
),

final as (
    select
        l.batch_id,
        l.seq,
        l.landed_at,
        concat('line ', l.source_id, ' ', l.record_key) as record,
        o.ordered_on
    from lines as l
    left join orders as o on l.source_id = o.source_id and l.order_id = o.order_id
    union all
    select
        batch_id,
        seq,
        landed_at,
        concat('order ', source_id, ' ', record_key) as record,
        ordered_on
    from order_versions
)

select * from final
