with

identifiers as (
    select *
    from {{ ref("int_identifiers") }}
    where node_id is not null
),

final as (
    select
        node_id as address_node,
        min(identifier_type) as address_type,
        min(normalised_value) as address,
        bool_and(is_valid) as is_valid
    from identifiers
    group by node_id
)

select * from final
