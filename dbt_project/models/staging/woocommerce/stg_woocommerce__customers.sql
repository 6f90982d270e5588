{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "id": "text", "email": "text", "role": "text", "date_created_gmt": "text",
    "first_name": "text", "last_name": "text",
    "billing": {
        "email": "text", "phone": "text", "country": "text", "first_name": "text", "last_name": "text",
        "address_1": "text", "postcode": "text", "city": "text", "company": "text",
    },
    "meta_data": [{"key": "text", "value": "text"}],
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("woocommerce", "customers") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.id as customer_id,
        coalesce(nullif(trim(j.email), ''), nullif(trim(j.billing.email), '')) as email_raw,
        nullif(trim(j.billing.phone), '') as phone_raw,
        upper(nullif(trim(j.billing.country), '')) as country,
        lower(coalesce(j.role, '')) in (
            'administrator', 'shop_manager', 'editor', 'author', 'contributor'
        ) as is_staff,
        {{ to_utc("j.date_created_gmt") }} as created_at,
        coalesce(nullif(trim(j.first_name), ''), nullif(trim(j.billing.first_name), '')) as first_name,
        coalesce(nullif(trim(j.last_name), ''), nullif(trim(j.billing.last_name), '')) as last_name,
        nullif(trim(j.billing.address_1), '') as street,
        nullif(trim(j.billing.postcode), '') as postcode,
        nullif(trim(j.billing.city), '') as city,
        nullif(trim(j.billing.company), '') as company,
        j.meta_data as meta_data
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["customer_id is null", "id is missing"],
            [is_no_id("customer_id"), "id is no whole number"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        customer_id,
        email_raw,
        phone_raw,
        country,
        cast(null as {{ dbt.type_string() }}) as language,
        cast(null as {{ dbt.type_string() }}) as time_zone,
        cast(null as {{ dbt.type_string() }}) as loyalty_card,
        is_staff,
        false as is_test,
        created_at,
        first_name,
        last_name,
        cast(null as date) as born_on,
        street,
        postcode,
        city,
        company,
        meta_data,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
