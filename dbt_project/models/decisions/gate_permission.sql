with

candidates as (
    select * from {{ ref("candidates") }}
),

permission_now as (
    select * from {{ ref("permission_now") }}
),

-- A service message promotes nothing and needs no marketing permission. No row means no.
final as (
    select
        c.candidate_key,
        case
            when c.purpose = 'service' then null
            when p.state = 'withdrawn' then 'permission_withdrawn'
            when p.state is null or p.state <> 'granted' then 'no_permission'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        case
            when p.state is not null
                then concat(p.state, ' ', cast(p.since as {{ dbt.type_string() }}), ' ', coalesce(p.legal_basis, ''))
        end as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    left join permission_now as p
        on c.address_node = p.address_node and c.channel = p.channel and c.purpose = p.purpose
)

select * from final
