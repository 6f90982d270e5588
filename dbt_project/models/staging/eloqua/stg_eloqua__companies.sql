{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "AccountId": "text", "Name": "text", "Website": "text", "Owner": "text", "CreatedAt": "text", "UpdatedAt": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("eloqua", "companies") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        nullif(j.AccountId, '') as company_id,
        nullif(trim(j.Name), '') as name,
        -- The host of an address, without www.
        nullif(replace(concat('^', split_part(
            replace(replace(lower(trim(j.Website)), 'https://', ''), 'http://', ''), '/', 1
        )), '^www.', '^'), '^') as site,
        nullif(split_part(trim(j.Owner), '@', 1), '') as owner,
        {{ to_utc("j.CreatedAt") }} as created_at,
        {{ to_utc("j.UpdatedAt") }} as changed_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["company_id is null", "AccountId is missing"],
            [is_no_id("company_id"), "AccountId is no whole number"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        company_id,
        name,
        replace(site, '^', '') as domain,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        owner,
        created_at,
        changed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
