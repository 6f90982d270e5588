with

candidates as (
    select * from {{ ref("candidates") }}
),

programmes as (
    select * from {{ ref("programmes") }}
),

permission_now as (
    select * from {{ ref("permission_now") }}
),

-- A service message promotes nothing and needs no marketing permission. No row means no; a soft opt-in
-- covers what is like the things bought.
final as (
    select
        c.candidate_key,
        case
            when c.purpose = 'service' then null
            when p.state is null then 'no_permission'
            when p.state <> 'granted' then coalesce(p.reason, 'no_permission')
            when p.legal_basis = 'soft_opt_in' and not coalesce(g.similar_products, false) then 'not_similar'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        case
            when p.state is not null
                then concat(p.state, ' ', cast(p.since as {{ dbt.type_string() }}), ' ', coalesce(p.legal_basis, ''))
        end as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    left join permission_now as p
        on c.address_node = p.address_node and c.permission_channel = p.channel and c.purpose = p.purpose
    left join programmes as g on c.programme = g.programme
)

select * from final
