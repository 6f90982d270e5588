{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "problem": "text", "email": "text", "phone": "text", "channel": "text", "purpose": "text",
    "programme": "text", "campaign_id": "text", "occasion": "text", "step": "text",
    "subject": "text", "sent_at": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("history", "sends") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.problem as problem,
        trim(j.email) as email_raw,
        trim(j.phone) as phone_raw,
        j.channel as channel,
        j.purpose as purpose,
        j.programme as programme,
        j.campaign_id as campaign_id,
        j.occasion as occasion,
        {{ to_int("j.step") }} as step,
        j.subject as subject,
        {{ to_utc("j.sent_at") }} as sent_at
    from records
),

judged as (
    select
        *,
        coalesce(problem, {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["channel is null or channel not in ('email', 'call', 'post')", "channel is not email, call or post"],
            ["purpose is null", "purpose is missing"],
            ["channel = 'call' and phone_raw is null", "it names no phone"],
            ["channel <> 'call' and email_raw is null", "it names no email"],
            ["sent_at is null", "sent_at is missing"],
            ["sent_at > landed_at", "sent_at lies after the import"],
        ]) }}) as reject_reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        email_raw,
        phone_raw,
        channel,
        purpose,
        programme,
        campaign_id,
        occasion,
        step,
        subject,
        sent_at,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
