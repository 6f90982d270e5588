{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "consent_id": "text", "customer_id": "text", "email": "text", "phone": "text",
    "channel": "text", "purpose": "text", "state": "text", "legal_basis": "text",
    "proof": "text", "given_at": "text", "confirmed_at": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("database", "consents") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.consent_id as consent_id,
        j.customer_id as customer_id,
        nullif(trim(j.email), '') as email_raw,
        nullif(trim(j.phone), '') as phone_raw,
        lower(j.channel) as channel,
        lower(j.purpose) as purpose,
        {{ permission_state("j.state") }} as state,
        lower(j.legal_basis) as legal_basis,
        j.proof as proof,
        {{ to_utc("j.given_at") }} as told_at,
        {{ to_utc("j.confirmed_at") }} as confirmed_at,
        -- A withdrawal may leave it to the profile to say which address is meant.
        j.customer_id is null or {{ permission_state("j.state") }} = 'granted' as names_nobody
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["consent_id is null", "consent_id is missing"],
            ["state = 'granted' and told_at is null", "given_at is no time"],
            ["state = 'granted' and told_at > landed_at", "given_at lies after it was landed"],
            ["channel is null or channel not in ('email', 'call', 'post', 'meeting')", "channel is none of ours"],
            ["purpose is null and state = 'granted'", "purpose is missing"],
            ["names_nobody and channel <> 'call' and email_raw is null", "it names no email"],
            ["names_nobody and channel = 'call' and phone_raw is null", "it names no phone"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        consent_id,
        customer_id,
        email_raw,
        phone_raw,
        channel,
        purpose,
        state,
        legal_basis,
        proof,
        -- What stops needs no time, nor waits for one.
        case when state = 'granted' then told_at else least(coalesce(told_at, landed_at), landed_at) end as given_at,
        {{ confirmed_by("confirmed_at") }} as confirmed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
