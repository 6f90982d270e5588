{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "ContactKey", "EmailAddress", "BusinessPhone", "MobilePhone", "Country", "CreatedAt", "FirstName", "LastName",
    "Street", "Postcode", "City", "Company",
] %}
{% set fields = {} %}
{% for name in names %}{% do fields.update({name: "text"}) %}{% endfor %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("eloqua", "contacts") }} as lake
),

-- A country is free text at Eloqua: it counts where it is a code.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.ContactKey as customer_id,
        nullif(trim(j.EmailAddress), '') as email_raw,
        coalesce(nullif(trim(j.MobilePhone), ''), nullif(trim(j.BusinessPhone), '')) as phone_raw,
        case when length(trim(j.Country)) = 2 then upper(trim(j.Country)) end as country,
        {{ to_utc("j.CreatedAt") }} as created_at,
        nullif(trim(j.FirstName), '') as first_name,
        nullif(trim(j.LastName), '') as last_name,
        nullif(trim(j.Street), '') as street,
        nullif(trim(j.Postcode), '') as postcode,
        nullif(trim(j.City), '') as city,
        nullif(trim(j.Company), '') as company
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["customer_id is null", "ContactKey is missing"],
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
