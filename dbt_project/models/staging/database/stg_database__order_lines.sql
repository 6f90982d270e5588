{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "line_id": "text", "order_id": "text", "product_id": "text", "quantity": "text",
    "price_minor": "text", "amount_minor": "text", "currency": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("database", "order_lines") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.line_id as line_id,
        j.order_id as order_id,
        j.product_id as product_id,
        {{ to_int("j.quantity") }} as quantity,
        {{ to_whole("j.price_minor") }} as price_minor,
        {{ to_whole("j.amount_minor") }} as amount_minor,
        upper(j.currency) as currency
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["line_id is null", "line_id is missing"],
            ["order_id is null", "order_id is missing"],
            [is_rounded_id("line_id"), "line_id was rounded by a float"],
            [is_rounded_id("order_id"), "order_id was rounded by a float"],
            ["quantity is null", "quantity is no whole number"],
            ["amount_minor is null", "amount_minor is no whole number"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        line_id,
        order_id,
        product_id,
        quantity,
        price_minor,
        amount_minor,
        currency,
        false as is_nested,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
