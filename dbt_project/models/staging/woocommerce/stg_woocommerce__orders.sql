{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "id": "text", "status": "text", "currency": "text", "total": "text", "discount_total": "text",
    "customer_id": "text", "created_via": "text", "date_created_gmt": "text",
    "billing": {"email": "text", "phone": "text", "country": "text"}, "refunds": [{"total": "text"}],
    "line_items": [{"id": "text", "product_id": "text", "quantity": "text", "total": "text"}],
    "meta_data": [{"key": "text", "value": "text"}],
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("woocommerce", "orders") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j,
        j is null as is_unreadable,
        replace(lower(trim(j.status)), 'wc-', '') as told_status,
        coalesce(lower(j.status) in ('checkout-draft', 'auto-draft', 'draft'), false) as is_draft,
        upper(j.currency) as currency,
        {{ to_minor("j.total", "j.currency") }} as amount_minor,
        coalesce({{ to_minor("j.discount_total", "j.currency") }}, 0) as discount_minor,
        {{ to_utc("j.date_created_gmt") }} as ordered_at
    from records
),

refunded as (
    select
        batch_id,
        seq,
        sum(abs({{ to_minor("item.total", "currency") }})) as refund_minor,
        count(*) > count({{ to_minor("item.total", "currency") }}) as is_odd
    from {{ exploded("typed", "j.refunds") }}
    group by batch_id, seq
),

judged as (
    select
        t.*,
        cast(coalesce(r.refund_minor, 0) as {{ dbt.type_bigint() }}) as refund_minor,
        {{ first_reason([
            ["t.op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["j.id is null", "id is missing"],
            [is_no_id("j.id"), "id is no whole number"],
            ["told_status is null", "status is missing"],
            ["ordered_at is null", "date_created_gmt is no time"],
            ["ordered_at > " ~ after("t.landed_at", 1, "day"), "date_created_gmt lies in the future"],
            [is_no_currency("currency"), "currency is no ISO 4217 code"],
            ["amount_minor is null", "total is no number"],
            ["amount_minor < 0", "total is negative"],
            ["r.is_odd", "the total of a refund is no number"],
        ]) }} as reason
    from typed as t
    left join refunded as r on t.batch_id = r.batch_id and t.seq = r.seq
),

-- Nobody sent a draft off: its boxes declare nothing.
final as (
    select
        {{ lake_columns() }},
        j.id as order_id,
        nullif(j.customer_id, '0') as customer_id,
        nullif(trim(j.billing.email), '') as email_raw,
        nullif(trim(j.billing.phone), '') as phone_raw,
        cast(null as {{ dbt.type_string() }}) as loyalty_card,
        case when lower(j.created_via) like 'pos%' then 'shop' else 'web' end as channel,
        cast(null as {{ dbt.type_string() }}) as store,
        case
            when is_draft then 'pending'
            when told_status = 'on-hold' then 'placed'
            when told_status = 'processing' then 'paid'
            when told_status = 'completed' then 'fulfilled'
            when told_status = 'trash' then 'cancelled'
            else told_status
        end as status,
        currency,
        amount_minor,
        discount_minor,
        refund_minor,
        cast(null as {{ dbt.type_string() }}) as cart_id,
        upper(nullif(trim(j.billing.country), '')) as country,
        least(ordered_at, landed_at) as ordered_at,
        {{ day_of("least(ordered_at, landed_at)") }} as ordered_on,
        j.line_items as line_items,
        case when not is_draft then j.meta_data end as meta_data,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
