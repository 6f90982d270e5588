with

permissions as (
    select *
    from {{ ref("permissions") }}
    where valid_from <= {{ as_of() }}
),

-- The newest declaration holds; a withdrawal wins a tie. No declaration means no.
ranked as (
    select
        *,
        row_number() over (
            partition by node_id, channel, purpose
            order by
                valid_from desc,
                case when state = 'withdrawn' then 0 else 1 end,
                known_at desc,
                permission_key asc
        ) as rank
    from permissions
),

final as (
    select
        node_id as address_node,
        channel,
        purpose,
        state,
        valid_from as since,
        legal_basis,
        permission_key
    from ranked
    where rank = 1
)

select * from final
