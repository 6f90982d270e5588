{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "externalCompanyId": "text", "company": "text", "website": "text", "externalSalesPersonId": "text",
    "createdAt": "text", "updatedAt": "text", "marketoGUID": "text", "name": "text", "domainName": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("marketo", ["companies", "named_accounts"]) }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        coalesce(nullif(trim(j.externalCompanyId), ''), nullif(trim(j.marketoGUID), '')) as company_id,
        coalesce(nullif(trim(j.company), ''), nullif(trim(j.name), '')) as name,
        lower(trim(coalesce(j.website, j.domainName))) as address,
        nullif(trim(j.externalSalesPersonId), '') as owner,
        {{ to_utc("j.createdAt") }} as created_at,
        {{ to_utc("j.updatedAt") }} as changed_at
    from records
),

sited as (
    select
        *,
        split_part(replace(replace(address, 'https://', ''), 'http://', ''), '/', 1) as site
    from typed
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["company_id is null", "externalCompanyId is missing"],
        ]) }} as reason
    from sited
),

final as (
    select
        {{ lake_columns() }},
        company_id,
        name,
        case when site like 'www.%.%' then substr(site, 5) when site like '%.%' then site end as domain,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        owner,
        created_at,
        changed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
