{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "legacyResourceId": "text", "title": "text", "productType": "text", "status": "text",
    "createdAt": "text", "updatedAt": "text",
    "priceRangeV2": {"minVariantPrice": {"amount": "text", "currencyCode": "text"}},
    "variants": {"nodes": [{"availableForSale": "text"}]},
} %}
{% set price = "j.priceRangeV2.minVariantPrice" %}
{% set available = field_where("j.variants.nodes", by="availableForSale", is="true", field="availableForSale") %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("shopify", "products") }} as lake
),

-- The price is that of the cheapest variant; in stock is what has one that can be bought now.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.legacyResourceId as product_id,
        j.title as name,
        lower(nullif(trim(j.productType), '')) as category,
        {{ price }}.amount as price,
        {{ to_minor(price ~ ".amount", price ~ ".currencyCode") }} as price_minor,
        upper({{ price }}.currencyCode) as currency,
        coalesce(upper(j.status) = 'ACTIVE', false) and {{ available }} is not null as in_stock,
        {{ to_utc("j.createdAt") }} as created_at,
        {{ to_utc("j.updatedAt") }} as changed_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["product_id is null", "legacyResourceId is missing"],
            [is_no_id("product_id"), "legacyResourceId is no whole number"],
            ["price is not null and price_minor is null", "minVariantPrice is no number"],
            ["price_minor < 0", "minVariantPrice is negative"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        product_id,
        name,
        category,
        price_minor,
        currency,
        in_stock,
        created_at,
        changed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
