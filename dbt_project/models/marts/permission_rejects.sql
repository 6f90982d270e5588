with

declarations as (
    select * from {{ ref("int_declarations") }}
),

final as (
    select
        declaration_key,
        address_node as node_id,
        channel,
        purpose,
        state,
        source_id,
        declaration_id,
        problem,
        valid_from,
        known_at
    from declarations
    where problem is not null
)

select * from final
