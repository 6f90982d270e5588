{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "product_id": "text", "name": "text", "category": "text", "price_minor": "text",
    "currency": "text", "in_stock": "text", "created_at": "text", "updated_at": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("database", "products") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.product_id as product_id,
        j.name as name,
        lower(nullif(trim(j.category), '')) as category,
        {{ to_whole("j.price_minor") }} as price_minor,
        upper(j.currency) as currency,
        coalesce({{ to_bool("j.in_stock") }}, true) as in_stock,
        {{ to_utc("j.created_at") }} as created_at,
        {{ to_utc("j.updated_at") }} as changed_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["product_id is null", "product_id is missing"],
            ["price_minor < 0", "price_minor is negative"],
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
