{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "ContactKey", "EmailAddress", "IsSubscribed", "UpdatedAt", "ActivityId", "ActivityType", "ActivityDate",
] %}
{% set fields = {} %}
{% for name in names %}{% do fields.update({name: "text"}) %}{% endfor %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("eloqua", ["contacts", "activities"]) }} as lake
),

-- Everybody is subscribed at Eloqua who never said no: that is no permission. Who subscribed, or
-- said no, is known by an activity; who is unsubscribed, by the contact too.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j.ActivityId is not null as is_activity,
        j.ContactKey as customer_id,
        nullif(trim(j.EmailAddress), '') as email_raw,
        case
            when j.ActivityType = 'Subscribe' then 'granted'
            when j.ActivityType = 'Unsubscribe' then 'withdrawn'
            when {{ to_bool("j.IsSubscribed") }} then 'none'
            when lower(j.IsSubscribed) in ('false', '0', 'no') then 'withdrawn'
            else 'unclear'
        end as state,
        coalesce({{ to_utc("j.ActivityDate") }}, {{ to_utc("j.UpdatedAt") }}) as told_at
    from records
    where j.ActivityType in ('Subscribe', 'Unsubscribe') or (j.ActivityId is null and j.ContactKey is not null)
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["state = 'none'", ""],
            ["email_raw is null", "it names no email"],
            ["told_at is null", "it has no time"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        case when is_activity then record_key else concat('email ', customer_id) end as consent_id,
        customer_id,
        email_raw,
        cast(null as {{ dbt.type_string() }}) as phone_raw,
        'email' as channel,
        'marketing' as purpose,
        state,
        'consent' as legal_basis,
        case when is_activity then 'eloqua activity' else 'eloqua contact' end as proof,
        case when state <> 'none' then least(told_at, landed_at) end as given_at,
        cast(null as {{ dbt.type_timestamp() }}) as confirmed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
