{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "email", "work_email", "phone", "mobilephone", "lifecyclestage", "associatedcompanyid",
    "createdate",
] %}
{% set properties = {} %}
{% for name in names %}{% do properties.update({name: "text"}) %}{% endfor %}
{% set fields = {"contactKey": "text", "updatedAt": "text", "owner": "text", "properties": properties} %}

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
        j.contactKey as contact_id,
        coalesce(nullif(trim(j.properties.email), ''), nullif(trim(j.properties.work_email), '')) as email_raw,
        coalesce(nullif(trim(j.properties.mobilephone), ''), nullif(trim(j.properties.phone), '')) as phone_raw,
        nullif(j.properties.associatedcompanyid, '') as company_id,
        lower(nullif(trim(j.properties.lifecyclestage), '')) as lifecycle_stage,
        j.owner,
        {{ to_utc("j.properties.createdate") }} as created_at,
        {{ to_utc("j.updatedAt") }} as changed_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["contact_id is null", "contactKey is missing"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        contact_id,
        email_raw,
        phone_raw,
        company_id,
        lifecycle_stage,
        {{ owner_of("judged") }},
        created_at,
        changed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
