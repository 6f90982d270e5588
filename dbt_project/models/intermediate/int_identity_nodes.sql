with

links as (
    select * from {{ ref("int_identity_links") }}
),

ends as (
    select
        node_id,
        node_type,
        first_seen_at,
        last_seen_at,
        known_at
    from links
    union all
    select
        other_id as node_id,
        other_type as node_type,
        first_seen_at,
        last_seen_at,
        known_at
    from links
    where other_id is not null
),

final as (
    select
        node_id,
        min(node_type) as node_type,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(known_at) as known_at
    from ends
    group by node_id
)

select * from final
