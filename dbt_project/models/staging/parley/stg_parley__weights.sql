{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "goal": "text", "weights_version": "text", "horizon_days": "text", "signal": "text",
    "half_life_days": "text", "weight": "text", "accepted_at": "text", "change_seq": "text",
} %}
{% set is_unusable %}
    is_unreadable or goal is null or signal is null or weights_version is null
    or horizon_days is null or half_life_days is null or weight is null or accepted_at is null
{% endset %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("parley", "weights") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.goal as goal,
        j.weights_version as weights_version,
        {{ to_int("j.horizon_days") }} as horizon_days,
        j.signal as signal,
        {{ to_int("j.half_life_days") }} as half_life_days,
        {{ to_decimal("j.weight") }} as weight,
        {{ to_utc("j.accepted_at") }} as accepted_at,
        {{ to_int("j.change_seq") }} as change_seq
    from records
),

final as (
    select
        {{ lake_columns() }},
        goal,
        weights_version,
        horizon_days,
        signal,
        half_life_days,
        weight,
        accepted_at,
        change_seq,
        {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            [is_unusable, "a part of the weight is missing"],
        ]) }} as reject_reason,
        case when {{ is_unusable }} then payload end as payload
    from typed
)

select * from final
