{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "type": "text", "raw": "text", "value": "text", "node_id": "text", "is_valid": "text",
    "reason": "text", "address": "text", "domain": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("parley", "identifiers") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.type as identifier_type,
        j.raw as raw_value,
        j.value as normalised_value,
        j.node_id as node_id,
        coalesce({{ to_bool("j.is_valid") }}, false) as is_valid,
        j.reason as invalid_reason,
        j.address as address,
        j.domain as email_domain
    from records
),

final as (
    select
        {{ lake_columns() }},
        identifier_type,
        raw_value,
        normalised_value,
        node_id,
        is_valid,
        invalid_reason,
        address,
        email_domain,
        {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["identifier_type is null or raw_value is null", "type or raw is missing"],
        ]) }} as reject_reason,
        case when is_unreadable or identifier_type is null or raw_value is null then payload end as payload
    from typed
)

select * from final
