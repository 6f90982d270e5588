{{ config(materialized="view") }}

with

customers as (
    select * from {{ ref("int_customers") }}
),

final as (
    {% for type in ["email", "phone"] %}
    select
        source_id,
        customer_id,
        user_node,
        '{{ type }}' as address_type,
        {{ type }}_node as node_id,
        bool_or(is_current) as is_current
    from customers
    where {{ type }}_node is not null
    group by source_id, customer_id, user_node, {{ type }}_node
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from final
