with

identifiers as (
    select
        *,
        coalesce(address, normalised_value) as spelling
    from {{ ref("int_identifiers") }}
    where node_id is not null
),

-- A mailbox may be spelled in several ways; it is written to as it was written last.
final as (
    select
        node_id as address_node,
        min(identifier_type) as address_type,
        max_by(spelling, {{ moment_key("landed_at", "spelling") }}) as address,
        min(email_domain) as email_domain,
        bool_and(is_valid) as is_valid
    from identifiers
    group by node_id
)

select * from final
