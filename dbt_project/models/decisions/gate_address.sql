with

candidates as (
    select * from {{ ref("candidates") }}
),

addresses as (
    select * from {{ ref("int_addresses") }}
),

-- Our own mail, or that of the previous tool.
bounced as (
    select address_node
    from {{ ref("messages") }}
    where bounced_at < {{ as_of() }}
    union
    select address_node
    from {{ ref("int_suppressions") }}
    where reason = 'hard_bounce'
),

final as (
    select
        c.candidate_key,
        case
            when a.address_node is null then 'no_address'
            when not a.is_valid then 'invalid_address'
            when b.address_node is not null then 'hard_bounced'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        a.address_type as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    left join addresses as a on c.address_node = a.address_node
    left join bounced as b on c.address_node = b.address_node
)

select * from final
