{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "problem": "text", "email": "text", "phone": "text", "reason": "text", "suppressed_at": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("history", "suppressions") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.problem as problem,
        trim(j.email) as email_raw,
        trim(j.phone) as phone_raw,
        j.reason as reason,
        least(coalesce({{ to_utc("j.suppressed_at") }}, landed_at), landed_at) as suppressed_at
    from records
),

judged as (
    select
        *,
        coalesce(problem, {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["email_raw is null and phone_raw is null", "it names no email"],
            ["reason is null", "reason is missing"],
        ]) }}) as reject_reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        email_raw,
        phone_raw,
        reason,
        suppressed_at,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
