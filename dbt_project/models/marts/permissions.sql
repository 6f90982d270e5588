with

declarations as (
    select * from {{ ref("int_permission_declarations") }}
),

-- The same declaration extracted twice is one; a changed one is another.
final as (
    select
        {{ key([
            "source_id", "declaration_id", "address_node", "channel", "purpose", "state", "legal_basis",
            to_millis("valid_from"), to_millis("confirmed_at"),
        ]) }} as permission_key,
        min(address_node) as node_id,
        min(channel) as channel,
        min(purpose) as purpose,
        min(state) as state,
        min(legal_basis) as legal_basis,
        min(source_id) as source_id,
        min(proof) as proof,
        min(valid_from) as valid_from,
        min(confirmed_at) as confirmed_at,
        min(known_at) as known_at
    from declarations
    group by 1
)

select * from final
