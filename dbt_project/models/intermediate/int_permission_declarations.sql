with

declarations as (
    select * from {{ ref("int_declarations") }}
),

final as (
    select
        declaration_key,
        source_id,
        declaration_id,
        address_type,
        address_node,
        user_node,
        channel,
        purpose,
        state,
        legal_basis,
        proof,
        valid_from,
        confirmed_at,
        known_at
    from declarations
    where problem is null
)

select * from final
