{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "problem": "text", "email": "text", "phone": "text", "channel": "text", "purpose": "text",
    "state": "text", "legal_basis": "text", "proof": "text", "given_at": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("history", "consents") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.problem as problem,
        record_key as consent_id,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        trim(j.email) as email_raw,
        trim(j.phone) as phone_raw,
        j.channel as channel,
        j.purpose as purpose,
        j.state as state,
        j.legal_basis as legal_basis,
        j.proof as proof,
        -- A withdrawal that tells no time that has passed holds from the import on.
        case
            when j.state = 'withdrawn' then least(coalesce({{ to_utc("j.given_at") }}, landed_at), landed_at)
            else {{ to_utc("j.given_at") }}
        end as given_at
    from records
),

-- Rows were judged as they landed; what is asked here must hold whoever judged them.
judged as (
    select
        *,
        coalesce(problem, {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["state is null or state not in ('granted', 'withdrawn', 'none')", "state is no word that is known"],
            ["channel is null or channel not in ('email', 'call', 'post')", "channel is not email, call or post"],
            ["purpose is null", "purpose is missing"],
            ["channel = 'call' and phone_raw is null", "it names no phone"],
            ["channel <> 'call' and email_raw is null", "it names no email"],
            ["state = 'granted' and given_at is null", "given_at is missing"],
            ["state = 'granted' and given_at > landed_at", "given_at lies after the import"],
        ]) }}) as reject_reason
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
        given_at,
        -- Whatever else it was, a double opt-in was confirmed no later than it began to count.
        case when state = 'granted' and concat(', ', proof) like '%, double opt-in' then given_at end as confirmed_at,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
