with

-- A clock that went back has not seen what came later.
changes as (
    select * from {{ ref("int_identity_changes") }}
    where changed_at <= {{ as_of() }}
),

final as (
    select
        change_key,
        node_id,
        node_type,
        from_person_id,
        person_id,
        kind,
        changed_at,
        reason,
        shared_id,
        link_node_id,
        link_node_type,
        link_other_id,
        link_other_type,
        link_source_id,
        link_first_seen_at,
        link_last_seen_at,
        link_known_at
    from changes
)

select * from final
