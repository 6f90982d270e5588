{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}
{% set streams = ["orders", "customers"] %}

with

fields as (
    select * from {{ ref("consent_fields") }}
    where vendor = 'woocommerce'
),

of_orders as (
    select
        {{ lake_columns() }},
        concat('order ', order_id) as subject,
        customer_id,
        email_raw,
        phone_raw,
        ordered_at as given_at,
        item,
        position
    from {{ staged_entries("woocommerce", "orders", "meta_data", stream=streams) }}
),

-- When a box in a profile was ticked is not told, and the profile changes for other reasons too: it
-- counts from the beginning, so that every withdrawal since then holds.
of_customers as (
    select
        {{ lake_columns() }},
        concat('customer ', customer_id) as subject,
        customer_id,
        email_raw,
        phone_raw,
        created_at as given_at,
        item,
        position
    from {{ staged_entries("woocommerce", "customers", "meta_data", stream=streams) }}
),

boxes as (
    select * from of_orders
    union all
    select * from of_customers
),

-- A field that comes twice counts by its first value, as in WordPress.
typed as (
    select
        b.*,
        concat(b.subject, ' ', f.field, ' ', f.channel, ' ', f.purpose) as consent_id,
        f.channel,
        f.purpose,
        f.legal_basis,
        concat('checkout box ', f.field) as proof,
        case when lower(trim(b.item.value)) in ('1', 'yes', 'true', 'on') then 'granted' else 'none' end as state,
        row_number() over (
            partition by b.batch_id, b.seq, f.field, f.channel, f.purpose order by b.position
        ) as occurrence
    from boxes as b
    inner join fields as f on b.item.key = f.field
),

judged as (
    select
        *,
        {{ first_reason([
            ["state = 'none'", ""],
            ["channel = 'call' and phone_raw is null", "it names no phone"],
            ["channel <> 'call' and email_raw is null", "it names no email"],
            ["given_at is null", "it has no time"],
        ]) }} as reason
    from typed
    where occurrence = 1
),

final as (
    select
        {{ lake_columns() | replace("record_key", "consent_id as record_key") }},
        consent_id,
        customer_id,
        email_raw,
        phone_raw,
        channel,
        purpose,
        state,
        legal_basis,
        proof,
        case when state = 'granted' then given_at end as given_at,
        cast(null as {{ dbt.type_timestamp() }}) as confirmed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then {{ json_text({"key": "item.key", "value": "item.value"}) }} end as payload
    from judged
)

select * from final
