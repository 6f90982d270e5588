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
        {% for column in ["node_id", "node_type", "other_id", "other_type", "source_id", "first_seen_at", "last_seen_at", "known_at"] %}
        link_{{ column }}{{ "," if not loop.last }}
        {% endfor %}
    from changes
)

select * from final
