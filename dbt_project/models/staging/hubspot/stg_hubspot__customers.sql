{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "email", "work_email", "phone", "mobilephone", "firstname", "lastname", "address", "zip", "city", "company",
    "hs_country_region_code", "hs_language", "date_of_birth", "createdate",
] %}
{% set properties = {} %}
{% for name in names %}{% do properties.update({name: "text"}) %}{% endfor %}
{% set fields = {"contactKey": "text", "properties": properties} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("hubspot", "contacts") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.contactKey as customer_id,
        coalesce(nullif(trim(j.properties.email), ''), nullif(trim(j.properties.work_email), '')) as email_raw,
        coalesce(nullif(trim(j.properties.mobilephone), ''), nullif(trim(j.properties.phone), '')) as phone_raw,
        upper(nullif(trim(j.properties.hs_country_region_code), '')) as country,
        lower(nullif(split_part(replace(trim(j.properties.hs_language), '_', '-'), '-', 1), '')) as language,
        {{ to_utc("j.properties.createdate") }} as created_at,
        nullif(trim(j.properties.firstname), '') as first_name,
        nullif(trim(j.properties.lastname), '') as last_name,
        {{ to_day("j.properties.date_of_birth") }} as born_on,
        nullif(trim(j.properties.address), '') as street,
        nullif(trim(j.properties.zip), '') as postcode,
        nullif(trim(j.properties.city), '') as city,
        nullif(trim(j.properties.company), '') as company
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["customer_id is null", "contactKey is missing"],
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
