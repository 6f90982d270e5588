{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "leadKey": "text", "email": "text", "phone": "text", "mobilePhone": "text", "country": "text", "createdAt": "text",
    "firstName": "text", "lastName": "text", "dateOfBirth": "text", "address": "text", "postalCode": "text",
    "city": "text", "company": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("marketo", "leads") }} as lake
),

-- A country is whatever was typed; what is no code is not guessed at.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.leadKey as customer_id,
        nullif(trim(j.email), '') as email_raw,
        coalesce(nullif(trim(j.phone), ''), nullif(trim(j.mobilePhone), '')) as phone_raw,
        case when length(trim(j.country)) = 2 then upper(trim(j.country)) end as country,
        {{ to_utc("j.createdAt") }} as created_at,
        nullif(trim(j.firstName), '') as first_name,
        nullif(trim(j.lastName), '') as last_name,
        {{ to_day("j.dateOfBirth") }} as born_on,
        nullif(trim(j.address), '') as street,
        nullif(trim(j.postalCode), '') as postcode,
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
            ["customer_id is null", "leadKey is missing"],
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
        false as is_staff,
        false as is_test,
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
