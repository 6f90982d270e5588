{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set money = {"shopMoney": {"amount": "text", "currencyCode": "text"}} %}
{% set fields = {
    "legacyResourceId": "text", "createdAt": "text", "processedAt": "text", "cancelledAt": "text",
    "test": "text", "email": "text", "phone": "text", "sourceName": "text",
    "displayFinancialStatus": "text", "displayFulfillmentStatus": "text", "cartToken": "text",
    "customer": {"legacyResourceId": "text"}, "shippingAddress": {"countryCodeV2": "text"},
    "billingAddress": {"countryCodeV2": "text"}, "totalPriceSet": money,
    "totalDiscountsSet": money, "totalRefundedSet": money,
    "lineItems": {"nodes": [{
        "id": "text", "quantity": "text", "originalUnitPriceSet": money, "discountedTotalSet": money,
        "product": {"legacyResourceId": "text"},
    }]},
} %}
{% set currency = "j.totalPriceSet.shopMoney.currencyCode" %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("shopify", "orders") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j,
        j is null as is_unreadable,
        upper(coalesce(j.displayFinancialStatus, 'PENDING')) as paid,
        upper({{ currency }}) as currency,
        {{ to_minor("j.totalPriceSet.shopMoney.amount", currency) }} as amount_minor,
        {{ to_minor("coalesce(j.totalDiscountsSet.shopMoney.amount, '0')", currency) }} as discount_minor,
        {{ to_minor("coalesce(j.totalRefundedSet.shopMoney.amount, '0')", currency) }} as refund_minor,
        {{ to_utc("coalesce(j.processedAt, j.createdAt)") }} as ordered_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["j.legacyResourceId is null", "legacyResourceId is missing"],
            [is_no_id("j.legacyResourceId"), "legacyResourceId is no whole number"],
            ["ordered_at is null", "processedAt is no time"],
            ["ordered_at > " ~ after("landed_at", 1, "day"), "processedAt lies in the future"],
            [is_no_currency("currency"), "currencyCode is no ISO 4217 code"],
            ["amount_minor is null", "totalPriceSet is no number"],
            ["amount_minor < 0", "totalPriceSet is negative"],
            ["discount_minor is null", "totalDiscountsSet is no number"],
            ["refund_minor is null", "totalRefundedSet is no number"],
            ["paid not in ('AUTHORIZED', 'EXPIRED', 'PAID', 'PARTIALLY_PAID', 'PARTIALLY_REFUNDED',"
                ~ " 'PENDING', 'REFUNDED', 'VOIDED')", "displayFinancialStatus is unknown"],
        ]) }} as reason
    from typed
),

-- Nobody bought anything by a test order. Payment that is due later, as by invoice, is a purchase.
final as (
    select
        {{ lake_columns() }},
        j.legacyResourceId as order_id,
        nullif(trim(j.customer.legacyResourceId), '') as customer_id,
        nullif(trim(j.email), '') as email_raw,
        nullif(trim(j.phone), '') as phone_raw,
        cast(null as {{ dbt.type_string() }}) as loyalty_card,
        case when lower(j.sourceName) = 'pos' then 'shop' else 'web' end as channel,
        cast(null as {{ dbt.type_string() }}) as store,
        case
            when {{ to_bool("j.test") }} or j.cancelledAt is not null then 'cancelled'
            when paid in ('EXPIRED', 'VOIDED') then 'cancelled'
            when paid = 'REFUNDED' then 'refunded'
            when upper(j.displayFulfillmentStatus) = 'FULFILLED' then 'fulfilled'
            when paid in ('PAID', 'PARTIALLY_REFUNDED') then 'paid'
            else 'placed'
        end as status,
        currency,
        amount_minor,
        discount_minor,
        refund_minor,
        nullif(trim(j.cartToken), '') as cart_id,
        upper(coalesce(j.shippingAddress.countryCodeV2, j.billingAddress.countryCodeV2)) as country,
        least(ordered_at, landed_at) as ordered_at,
        {{ day_of("least(ordered_at, landed_at)") }} as ordered_on,
        j.lineItems.nodes as line_items,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
