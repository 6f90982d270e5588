{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "ContactKey", "EmailAddress", "BusinessPhone", "MobilePhone", "AccountId", "LifecycleStage", "Owner",
    "CreatedAt", "UpdatedAt",
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

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.ContactKey as contact_id,
        nullif(trim(j.EmailAddress), '') as email_raw,
        coalesce(nullif(trim(j.MobilePhone), ''), nullif(trim(j.BusinessPhone), '')) as phone_raw,
        nullif(j.AccountId, '') as company_id,
        lower(nullif(trim(j.LifecycleStage), '')) as lifecycle_stage,
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
            ["contact_id is null", "ContactKey is missing"],
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
