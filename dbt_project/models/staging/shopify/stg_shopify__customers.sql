{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "legacyResourceId": "text", "createdAt": "text", "locale": "text",
    "defaultEmailAddress": {"emailAddress": "text"}, "defaultPhoneNumber": {"phoneNumber": "text"},
    "firstName": "text", "lastName": "text",
    "defaultAddress": {
        "countryCodeV2": "text", "address1": "text", "zip": "text", "city": "text", "company": "text",
    },
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("shopify", "customers") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.legacyResourceId as customer_id,
        nullif(trim(j.defaultEmailAddress.emailAddress), '') as email_raw,
        nullif(trim(j.defaultPhoneNumber.phoneNumber), '') as phone_raw,
        upper(nullif(trim(j.defaultAddress.countryCodeV2), '')) as country,
        lower(nullif(split_part(j.locale, '-', 1), '')) as language,
        {{ to_utc("j.createdAt") }} as created_at,
        nullif(trim(j.firstName), '') as first_name,
        nullif(trim(j.lastName), '') as last_name,
        nullif(trim(j.defaultAddress.address1), '') as street,
        nullif(trim(j.defaultAddress.zip), '') as postcode,
        nullif(trim(j.defaultAddress.city), '') as city,
        nullif(trim(j.defaultAddress.company), '') as company
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["customer_id is null", "legacyResourceId is missing"],
            [is_no_id("customer_id"), "legacyResourceId is no whole number"],
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
        cast(null as {{ dbt.type_string() }}) as time_zone,
        cast(null as {{ dbt.type_string() }}) as loyalty_card,
        false as is_staff,
        false as is_test,
        created_at,
        first_name,
        last_name,
        cast(null as date) as born_on,
        street,
        postcode,
        city,
        company,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
