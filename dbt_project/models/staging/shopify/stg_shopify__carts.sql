{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set money = {"shopMoney": {"amount": "text", "currencyCode": "text"}} %}
{% set fields = {
    "id": "text", "createdAt": "text", "updatedAt": "text", "completedAt": "text",
    "abandonedCheckoutUrl": "text", "totalPriceSet": money,
    "customer": {"legacyResourceId": "text", "defaultEmailAddress": {"emailAddress": "text"}},
    "lineItems": {"nodes": [{
        "id": "text", "quantity": "text", "originalUnitPriceSet": money,
        "product": {"legacyResourceId": "text"},
    }]},
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("shopify", "carts") }} as lake
),

-- The way back to a checkout names its cart, as the order will, and as a tracker does.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j,
        j is null as is_unreadable,
        nullif(split_part(j.id, '/', 5), '') as checkout_id,
        nullif(split_part(split_part(j.abandonedCheckoutUrl, '/checkouts/ac/', 2), '/', 1), '') as cart_token,
        upper(j.totalPriceSet.shopMoney.currencyCode) as currency,
        {{ to_utc("j.createdAt") }} as started_at,
        {{ to_utc("j.updatedAt") }} as changed_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["checkout_id is null", "id is missing"],
            ["started_at is null", "createdAt is no time"],
            ["changed_at is null", "updatedAt is no time"],
            [is_no_currency("currency"), "currencyCode is no ISO 4217 code"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        coalesce(cart_token, checkout_id) as cart_id,
        nullif(trim(j.customer.legacyResourceId), '') as customer_id,
        nullif(trim(j.customer.defaultEmailAddress.emailAddress), '') as email_raw,
        case when j.completedAt is null then 'open' else 'ordered' end as status,
        currency,
        least(started_at, landed_at) as started_at,
        least(changed_at, landed_at) as changed_at,
        j.lineItems.nodes as line_items,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
