with

erasures as (
    select * from {{ ref("stg_parley__erasures") }}
    where reject_reason is null
),

final as (
    select
        node_id,
        min(erased_at) as erased_at,
        min(landed_at) as known_at
    from erasures
    group by node_id
)

select * from final
