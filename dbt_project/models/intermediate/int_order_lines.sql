{{ config(materialized="incremental", incremental_strategy=by_day(), unique_key="ordered_on") }}
{# The days of every version of an order or line that came anew: it may have been moved or deleted. #}
{% set versions_by_day %}
    (
        select
            o.ordered_on,
            l.batch_id,
            concat('line ', l.source_id, ' ', l.record_key) as record
        from {{ ref("stg_database__order_lines") }} as l
        left join {{ ref("int_orders") }} as o on l.source_id = o.source_id and l.order_id = o.order_id
        union all
        select
            ordered_on,
            batch_id,
            concat('order ', source_id, ' ', record_key) as record
        from {{ ref("stg_database__orders") }}
    ) as d
{% endset %}
{% set days = touched_days(versions_by_day, "ordered_on", record="record") %}

with

orders as (
    select *
    from {{ ref("int_orders") }}
    where {{ in_days("ordered_on", days) }}
),

lines as (
    select * from {{ ref("stg_database__order_lines") }}
),

versions as (
    select *
    from lines
    where
        record_key in (
            select l.record_key
            from lines as l
            inner join orders as o on l.source_id = o.source_id and l.order_id = o.order_id
        )
),

ranked as (
    select
        *,
        {{ version_rank() }} as version_rank
    from versions
),

final as (
    select
        {{ key(["l.source_id", "l.line_id"]) }} as order_line_key,
        o.order_key,
        l.source_id,
        l.line_id,
        {{ key(["l.source_id", "l.product_id"]) }} as product_key,
        l.product_id,
        o.node_id,
        l.quantity,
        l.price_minor,
        l.amount_minor,
        l.currency,
        o.ordered_at,
        o.ordered_on,
        greatest(l.landed_at, o.known_at) as known_at
    from ranked as l
    inner join orders as o on l.source_id = o.source_id and l.order_id = o.order_id
    where l.version_rank = 1 and l.op = 'upsert'
)

select * from final
