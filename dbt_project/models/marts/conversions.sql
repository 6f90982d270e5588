with

orders as (
    select *
    from {{ ref("orders") }}
    where node_id is not null and {{ is_bought("status") }}
),

final as (
    select
        {{ key(["'buy'", "order_key"]) }} as conversion_key,
        node_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        'buy' as goal,
        ordered_at as occurred_at,
        amount_reporting_minor as value_minor,
        source_id,
        known_at
    from orders
)

select * from final
