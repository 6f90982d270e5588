{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {"node_id": "text", "node_type": "text", "is_shared": "text", "erased_at": "text"} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("parley", "erasures") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.node_id as node_id,
        j.node_type as node_type,
        {{ to_bool("j.is_shared") }} as is_shared,
        {{ to_utc("j.erased_at") }} as erased_at
    from records
),

final as (
    select
        {{ lake_columns() }},
        node_id,
        node_type,
        is_shared,
        erased_at,
        {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["node_id is null", "node_id is missing"],
        ]) }} as reject_reason,
        case when is_unreadable or node_id is null then payload end as payload
    from typed
)

select * from final
