{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "ActivityId", "ActivityType", "ActivityDate", "EmailAddress", "EmailRecipientId", "CampaignId",
    "EmailClickedThruLink", "SmtpErrorCode", "SmtpStatusCode",
] %}
{% set fields = {} %}
{% for name in names %}{% do fields.update({name: "text"}) %}{% endfor %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("eloqua", "activities") }} as lake
),

-- Forms and subscriptions are activities too: they are read elsewhere.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        nullif(j.EmailRecipientId, '') as vendor_message_id,
        nullif(trim(j.EmailAddress), '') as email_raw,
        nullif(j.CampaignId, '') as campaign_id,
        case j.ActivityType
            when 'EmailSend' then 'sent'
            when 'EmailOpen' then 'opened'
            when 'EmailClickthrough' then 'clicked'
            when 'Bounceback' then 'bounced'
            when 'Unsubscribe' then 'unsubscribed'
        end as kind,
        nullif(j.SmtpStatusCode, '') as status,
        nullif(j.SmtpErrorCode, '') as code,
        nullif({{ page_of("j.EmailClickedThruLink") }}, '') as url,
        {{ to_utc("j.ActivityDate") }} as occurred_at
    from records
    where coalesce(j.ActivityType, '') not in ('Subscribe', 'FormSubmit')
),

-- A failure is the address's own if the code says so: a full mailbox or a policy is not.
judged as (
    select
        *,
        case
            when kind = 'bounced' then
                coalesce(
                    status like '5.1.%' or status in ('5.2.1', '5.0.0', '5.5.0')
                    or (status is null and code in ('550', '551', '553')),
                    false
                )
        end as is_hard,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["kind is null", "ActivityType is none of an email"],
            ["email_raw is null", "it names no email"],
            ["occurred_at is null", "it has no time"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        cast(null as {{ dbt.type_string() }}) as message_key,
        vendor_message_id,
        email_raw,
        cast(null as {{ dbt.type_string() }}) as phone_raw,
        cast(null as {{ dbt.type_string() }}) as programme,
        campaign_id,
        'email' as channel,
        kind,
        is_hard,
        cast(null as boolean) as is_machine,
        url,
        case when kind = 'bounced' then coalesce(status, code) end as reason,
        least(occurred_at, landed_at) as occurred_at,
        {{ day_of("least(occurred_at, landed_at)") }} as occurred_on,
        nullif(judged.reason, '') as reject_reason,
        case when judged.reason <> '' then payload end as payload
    from judged
)

select * from final
