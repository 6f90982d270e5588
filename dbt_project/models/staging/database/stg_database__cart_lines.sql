{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "line_id": "text", "cart_id": "text", "product_id": "text", "quantity": "text",
    "price_minor": "text", "currency": "text", "updated_at": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("database", "cart_lines") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.line_id as line_id,
        j.cart_id as cart_id,
        j.product_id as product_id,
        {{ to_int("j.quantity") }} as quantity,
        {{ to_whole("j.price_minor") }} as price_minor,
        upper(j.currency) as currency,
        {{ to_utc("j.updated_at") }} as changed_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["line_id is null", "line_id is missing"],
            ["cart_id is null", "cart_id is missing"],
            ["quantity is null", "quantity is no whole number"],
            ["price_minor < 0", "price_minor is negative"],
        ]) }} as reason
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
        case when changed_at <= landed_at then changed_at end as changed_at,
        false as is_nested,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
