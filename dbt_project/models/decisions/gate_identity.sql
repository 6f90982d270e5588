with

candidates as (
    select * from {{ ref("candidates") }}
),

people as (
    select * from {{ ref("people") }}
),

erased as (
    select * from {{ ref("int_erased_nodes") }}
),

final as (
    select
        c.candidate_key,
        case
            when e.node_id is not null then 'erased'
            when p.person_id is null then 'unknown_person'
            when p.is_staff then 'staff'
            when p.is_test then 'test_person'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        p.person_id as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    left join people as p on c.person_id = p.person_id
    left join erased as e on c.address_node = e.node_id
)

select * from final
