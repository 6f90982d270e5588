{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "problem": "text", "email": "text", "kind": "text", "diagnostic": "text", "bounced_at": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("history", "bounces") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.problem as problem,
        trim(j.email) as email_raw,
        j.kind as kind,
        j.diagnostic as diagnostic,
        least(coalesce({{ to_utc("j.bounced_at") }}, landed_at), landed_at) as bounced_at
    from records
),

judged as (
    select
        *,
        coalesce(problem, {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["email_raw is null", "it names no email"],
            ["kind is null or kind not in ('hard', 'soft')", "kind is neither hard nor soft"],
        ]) }}) as reject_reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        email_raw,
        kind,
        diagnostic,
        bounced_at,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
