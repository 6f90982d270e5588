{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "order_id": "text", "customer_id": "text", "email": "text", "phone": "text", "loyalty_card": "text",
    "channel": "text", "store": "text", "status": "text", "currency": "text",
    "amount_minor": "text", "discount_minor": "text", "refund_minor": "text",
    "cart_id": "text", "country": "text", "ordered_at": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("database", "orders") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.order_id as order_id,
        nullif(trim(j.customer_id), '') as customer_id,
        nullif(trim(j.email), '') as email_raw,
        nullif(trim(j.phone), '') as phone_raw,
        nullif(trim(j.loyalty_card), '') as loyalty_card,
        coalesce(lower(nullif(trim(j.channel), '')), 'web') as channel,
        j.store as store,
        lower(j.status) as status,
        upper(j.currency) as currency,
        {{ to_whole("j.amount_minor") }} as amount_minor,
        {{ to_whole("coalesce(j.discount_minor, '0')") }} as discount_minor,
        {{ to_whole("coalesce(j.refund_minor, '0')") }} as refund_minor,
        nullif(trim(j.cart_id), '') as cart_id,
        upper(j.country) as country,
        {{ to_utc("j.ordered_at") }} as ordered_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["order_id is null", "order_id is missing"],
            [is_rounded_id("order_id"), "order_id was rounded by a float"],
            [is_rounded_id("customer_id"), "customer_id was rounded by a float"],
            ["ordered_at is null", "ordered_at is no time"],
            ["ordered_at > " ~ after("landed_at", 1, "day"), "ordered_at lies in the future"],
            ["amount_minor is null", "amount_minor is no whole number"],
            ["discount_minor is null", "discount_minor is no whole number"],
            ["refund_minor is null", "refund_minor is no whole number"],
            ["amount_minor < 0", "amount_minor is negative"],
            ["channel not in ('web', 'shop', 'call')", "channel is not web, shop or call"],
            [is_no_currency("currency"), "currency is no ISO 4217 code"],
        ]) }} as reason
    from typed
),

-- A clock that runs a little ahead is no reason to lose an order: it was known when it landed.
final as (
    select
        {{ lake_columns() }},
        order_id,
        customer_id,
        email_raw,
        phone_raw,
        loyalty_card,
        channel,
        store,
        status,
        currency,
        amount_minor,
        discount_minor,
        refund_minor,
        cart_id,
        country,
        least(ordered_at, landed_at) as ordered_at,
        {{ day_of("least(ordered_at, landed_at)") }} as ordered_on,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
