with

-- Staging trims what it joins on; what was landed is as it was written.
identifiers as (
    select
        *,
        trim(raw_value) as trimmed_value
    from {{ ref("stg_parley__identifiers") }}
    where reject_reason is null
),

ranked as (
    select
        *,
        {{ version_rank("identifier_type, trimmed_value") }} as version_rank
    from identifiers
),

final as (
    select
        identifier_type,
        trimmed_value as raw_value,
        normalised_value,
        node_id,
        is_valid,
        invalid_reason,
        address,
        email_domain,
        landed_at
    from ranked
    where version_rank = 1
)

select * from final
