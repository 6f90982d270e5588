{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "cart_id": "text", "customer_id": "text", "email": "text", "status": "text",
    "currency": "text", "started_at": "text", "updated_at": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("database", "carts") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.cart_id as cart_id,
        nullif(trim(j.customer_id), '') as customer_id,
        nullif(trim(j.email), '') as email_raw,
        lower(j.status) as status,
        upper(j.currency) as currency,
        {{ to_utc("j.started_at") }} as started_at,
        {{ to_utc("j.updated_at") }} as changed_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["cart_id is null", "cart_id is missing"],
            ["status is null or status not in ('open', 'ordered', 'closed')", "status is not open, ordered or closed"],
        ]) }} as reason
    from typed
),

-- A change that has not happened yet is not known to have: the cart changed when it landed.
final as (
    select
        {{ lake_columns() }},
        cart_id,
        customer_id,
        email_raw,
        status,
        currency,
        started_at,
        case when changed_at <= landed_at then changed_at end as changed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
