{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

with

entries as (
    select * from {{ staged_entries("woocommerce", "orders", "line_items") }}
),

-- A line's key is its place in the order: its id may be missing, or come twice.
typed as (
    select
        source_id,
        id_space,
        batch_id,
        seq,
        landed_at,
        landed_on,
        concat(record_key, '/', cast(position as {{ dbt.type_string() }})) as record_key,
        record_at,
        op,
        order_id,
        currency,
        item.id as line_id,
        nullif(item.product_id, '0') as product_id,
        {{ to_int("item.quantity") }} as quantity,
        {{ to_minor("item.total", "currency") }} as amount_minor,
        {{ json_text({
            "id": "item.id", "product_id": "item.product_id", "quantity": "item.quantity",
            "total": "item.total",
        }) }} as payload,
        row_number() over (partition by batch_id, seq, item.id order by position) as occurrence
    from entries
),

judged as (
    select
        *,
        {{ first_reason([
            ["line_id is null", "line_id is missing"],
            [is_no_id("line_id"), "line_id is no whole number"],
            ["occurrence > 1", "line_id comes twice in the order"],
            ["quantity is null", "quantity is no whole number"],
            ["amount_minor is null", "total is no number"],
        ]) }} as reject_reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        line_id,
        order_id,
        product_id,
        quantity,
        cast(round(amount_minor / nullif(quantity, 0)) as {{ dbt.type_bigint() }}) as price_minor,
        amount_minor,
        currency,
        true as is_nested,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
