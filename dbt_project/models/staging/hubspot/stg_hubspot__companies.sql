{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = ["name", "domain", "lifecyclestage", "createdate"] %}
{% set properties = {} %}
{% for name in names %}{% do properties.update({name: "text"}) %}{% endfor %}
{% set fields = {"id": "text", "updatedAt": "text", "owner": "text", "properties": properties} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("hubspot", "companies") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.id as company_id,
        nullif(trim(j.properties.name), '') as name,
        lower(nullif(trim(j.properties.domain), '')) as domain,
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
            ["company_id is null", "id is missing"],
            [is_no_id("company_id"), "id is no whole number"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        company_id,
        name,
        domain,
        lifecycle_stage,
        {{ owner_of("judged") }},
        created_at,
        changed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
