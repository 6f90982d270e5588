{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "leadKey": "text", "email": "text", "phone": "text", "mobilePhone": "text", "externalCompanyId": "text",
    "leadStatus": "text", "externalSalesPersonId": "text", "createdAt": "text", "updatedAt": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("marketo", "leads") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.leadKey as contact_id,
        nullif(trim(j.email), '') as email_raw,
        coalesce(nullif(trim(j.phone), ''), nullif(trim(j.mobilePhone), '')) as phone_raw,
        nullif(trim(j.externalCompanyId), '') as company_id,
        lower(nullif(trim(j.leadStatus), '')) as lifecycle_stage,
        nullif(trim(j.externalSalesPersonId), '') as owner,
        {{ to_utc("j.createdAt") }} as created_at,
        {{ to_utc("j.updatedAt") }} as changed_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["contact_id is null", "leadKey is missing"],
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
        owner,
        created_at,
        changed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
