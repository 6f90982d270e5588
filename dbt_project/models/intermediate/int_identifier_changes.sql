with

versions as (
    select
        *,
        trim(raw_value) as trimmed_value,
        {{ in_fresh_batches() }} as is_fresh
    from {{ ref("stg_parley__identifiers") }}
    where reject_reason is null
),

fresh as (
    select * from versions
    where is_fresh
),

ranked as (
    select
        *,
        {{ version_rank("identifier_type, trimmed_value") }} as rank_now,
        {{ version_rank("identifier_type, trimmed_value, is_fresh") }} as rank_of_its_kind
    from versions
    where trimmed_value in (select f.trimmed_value from fresh as f)
),

-- The version that counts now, and the one that counted before this run.
final as (
    select
        identifier_type,
        trimmed_value as raw_value
    from ranked
    where rank_now = 1 or (not is_fresh and rank_of_its_kind = 1)
    group by identifier_type, trimmed_value
    having count(distinct coalesce(node_id, '')) > 1
)

select * from final
