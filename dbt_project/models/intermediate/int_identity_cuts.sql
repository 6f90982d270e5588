with

cuts as (
    select * from {{ ref("stg_parley__cuts") }}
    where reject_reason is null
),

final as (
    select
        least(node_id, other_id) as node_id,
        greatest(node_id, other_id) as other_id,
        min(reason) as reason,
        min(cut_at) as cut_at,
        min(landed_at) as known_at
    from cuts
    group by least(node_id, other_id), greatest(node_id, other_id)
)

select * from final
