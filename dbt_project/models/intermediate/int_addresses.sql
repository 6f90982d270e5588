with

identifiers as (
    select
        *,
        coalesce(address, normalised_value) as spelling
    from {{ ref("int_identifiers") }}
    where node_id is not null
),

customers as (
    select
        user_node,
        landed_at,
        concat(
            coalesce(
                nullif(trim(concat(coalesce(first_name, ''), ' ', coalesce(last_name, ''))), ''), 'To the household'
            ),
            ', ', street, ', ', case when postcode is null then '' else concat(postcode, ' ') end, city,
            case when country is null then '' else concat(', ', country) end
        ) as address
    from {{ ref("int_customers") }}
    where is_current and user_node is not null and street is not null and city is not null
),

-- A mailbox may be spelled in several ways; it is written to as it was written last.
spelled as (
    select
        node_id as address_node,
        min(identifier_type) as address_type,
        max_by(spelling, {{ moment_key("landed_at", "spelling") }}) as address,
        min(email_domain) as email_domain,
        bool_and(is_valid) as is_valid
    from identifiers
    group by node_id
),

-- A household's letters are its members': where somebody lives is the address of their login.
posted as (
    select
        user_node as address_node,
        'user_id' as address_type,
        max_by(address, {{ moment_key("landed_at", "address") }}) as address,
        cast(null as {{ dbt.type_string() }}) as email_domain,
        true as is_valid
    from customers
    group by user_node
),

final as (
    select * from spelled
    union all
    select * from posted
)

select * from final
