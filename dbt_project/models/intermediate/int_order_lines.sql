{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="ordered_on",
    pre_hook="{{ clear_days('ordered_on', touched_days(ref('int_order_changes'), 'ordered_on', record='record', more=days_of_newly_shared())) }}",
) }}
{% set days = touched_days(ref("int_order_changes"), "ordered_on", record="record", more=days_of_newly_shared()) %}

with

orders as (
    select *
    from {{ ref("int_orders") }}
    where {{ in_days("ordered_on", days) }}
),

lines as (
    select * from {{ ref("int_order_line_versions") }}
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

-- A line that came inside its order counts in that version of the order which counts.
final as (
    select
        {{ key(["l.source_id", "l.line_id"]) }} as order_line_key,
        o.order_key,
        l.source_id,
        l.line_id,
        {{ key(["l.source_id", "l.product_id"]) }} as product_key,
        l.product_id,
        o.node_id,
        o.is_bought,
        l.quantity,
        l.price_minor,
        l.amount_minor,
        l.currency,
        o.ordered_at,
        o.ordered_on,
        greatest(l.landed_at, o.known_at) as known_at
    from ranked as l
    inner join orders as o on l.source_id = o.source_id and l.order_id = o.order_id
    where
        l.version_rank = 1 and l.op = 'upsert'
        and (not l.is_nested or (l.batch_id = o.batch_id and l.seq = o.seq))
)

select * from final
