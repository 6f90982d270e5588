{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

with

entries as (
    select * from {{ staged_entries("segment", "events", "choices") }}
),

-- Who is known by a device alone has no address that a permission could be for.
final as (
    select
        {{ lake_columns() }},
        'segment' as vendor,
        message_id,
        user_id,
        email_raw,
        item.key as field,
        {{ to_bool("item.value") }} as is_allowed,
        occurred_at,
        occurred_on,
        reject_reason,
        payload
    from entries
    where item.value is not null and (user_id is not null or email_raw is not null)
)

select * from final
