{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "customer_id": "text", "email": "text", "phone": "text", "country": "text", "language": "text",
    "time_zone": "text", "loyalty_card": "text", "is_staff": "text", "is_test": "text",
    "created_at": "text", "first_name": "text", "last_name": "text", "born_on": "text",
    "street": "text", "postcode": "text", "city": "text", "company": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("database", "customers") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.customer_id as customer_id,
        nullif(trim(j.email), '') as email_raw,
        nullif(trim(j.phone), '') as phone_raw,
        upper(nullif(trim(j.country), '')) as country,
        j.language as language,
        {{ known_zone("j.time_zone") }} as time_zone,
        nullif(trim(j.loyalty_card), '') as loyalty_card,
        coalesce({{ to_bool("j.is_staff") }}, false) as is_staff,
        coalesce({{ to_bool("j.is_test") }}, false) as is_test,
        {{ to_utc("j.created_at") }} as created_at,
        nullif(trim(j.first_name), '') as first_name,
        nullif(trim(j.last_name), '') as last_name,
        {{ to_day("j.born_on") }} as born_on,
        nullif(trim(j.street), '') as street,
        nullif(trim(j.postcode), '') as postcode,
        nullif(trim(j.city), '') as city,
        nullif(trim(j.company), '') as company
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["customer_id is null", "customer_id is missing"],
            [is_rounded_id("customer_id"), "customer_id was rounded by a float"],
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
        language,
        time_zone,
        loyalty_card,
        is_staff,
        is_test,
        created_at,
        first_name,
        last_name,
        born_on,
        street,
        postcode,
        city,
        company,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
