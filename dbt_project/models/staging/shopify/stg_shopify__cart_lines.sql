{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}
{% set currency = "item.originalUnitPriceSet.shopMoney.currencyCode" %}

with

entries as (
    select * from {{ staged_entries("shopify", "carts", "line_items") }}
),

-- A line's key is its place in the checkout: its id may be missing, or come twice.
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
        cart_id,
        changed_at,
        nullif(split_part(item.id, '/', 5), '') as line_id,
        nullif(trim(item.product.legacyResourceId), '') as product_id,
        {{ to_int("item.quantity") }} as quantity,
        item.originalUnitPriceSet.shopMoney.amount as price,
        {{ to_minor("item.originalUnitPriceSet.shopMoney.amount", currency) }} as price_minor,
        upper({{ currency }}) as currency,
        {{ json_text({
            "id": "item.id", "quantity": "item.quantity",
            "product": "item.product.legacyResourceId",
            "price": "item.originalUnitPriceSet.shopMoney.amount", "currency": currency,
        }) }} as payload,
        row_number() over (partition by batch_id, seq, item.id order by position) as occurrence
    from entries
),

judged as (
    select
        *,
        {{ first_reason([
            ["line_id is null", "id is missing"],
            ["occurrence > 1", "id comes twice in the checkout"],
            ["quantity is null", "quantity is no whole number"],
            ["price is not null and price_minor is null", "originalUnitPriceSet is no number"],
            ["price_minor < 0", "originalUnitPriceSet is negative"],
        ]) }} as reject_reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        line_id,
        cart_id,
        product_id,
        quantity,
        price_minor,
        currency,
        changed_at,
        true as is_nested,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
