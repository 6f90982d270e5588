{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {"node_id": "text", "other_id": "text", "cut_at": "text", "reason": "text"} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("parley", "cuts") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.node_id as node_id,
        j.other_id as other_id,
        {{ to_utc("j.cut_at") }} as cut_at,
        j.reason as reason
    from records
),

final as (
    select
        {{ lake_columns() }},
        node_id,
        other_id,
        cut_at,
        reason,
        {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["node_id is null or other_id is null", "a node is missing"],
        ]) }} as reject_reason,
        case when is_unreadable or node_id is null or other_id is null then payload end as payload
    from typed
)

select * from final
