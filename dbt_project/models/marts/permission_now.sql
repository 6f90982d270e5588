with

permissions as (
    select * from {{ ref("permissions") }}
    where valid_from <= {{ as_of() }}
),

grants as (
    select * from {{ ref("int_permission_grants") }}
),

-- The newest word that stops, by when it was said, not by when it was known.
stops as (
    select
        *,
        row_number() over (
            partition by node_id, channel, purpose
            order by valid_from desc, state desc, known_at asc, permission_key asc
        ) as rank
    from permissions
    where state <> 'granted'
),

-- A grant counts if it is newer than that: a withdrawal wins a tie. A sale lifts no objection. One that
-- holds counts before those that do not, consent before soft opt-in, the newest first.
alive as (
    select
        g.*,
        row_number() over (
            partition by g.node_id, g.channel, g.purpose
            order by
                case g.state when 'granted' then 1 when 'unconfirmed' then 2 when 'expired' then 3 else 4 end,
                case when g.legal_basis = 'consent' then 1 else 2 end,
                g.valid_from desc,
                g.since asc,
                g.permission_key asc
        ) as rank
    from grants as g
    left join stops as s
        on g.node_id = s.node_id and g.channel = s.channel and g.purpose = s.purpose and s.rank = 1
    where s.node_id is null or (g.valid_from > s.valid_from and g.legal_basis <> 'soft_opt_in')
),

best as (
    select * from alive
    where rank = 1
),

final as (
    select
        node_id as address_node,
        channel,
        purpose,
        state,
        reason,
        since,
        valid_from,
        expires_at,
        legal_basis,
        permission_key
    from best
    union all
    select
        s.node_id as address_node,
        s.channel,
        s.purpose,
        s.state,
        concat('permission_', s.state) as reason,
        s.valid_from as since,
        s.valid_from,
        cast(null as {{ dbt.type_timestamp() }}) as expires_at,
        s.legal_basis,
        s.permission_key
    from stops as s
    left join best as b on s.node_id = b.node_id and s.channel = b.channel and s.purpose = b.purpose
    where s.rank = 1 and b.node_id is null
)

select * from final
