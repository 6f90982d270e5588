with

customers as (
    select * from {{ ref("int_customers") }}
),

orders as (
    select * from {{ ref("int_orders") }}
),

declarations as (
    select * from {{ ref("int_permission_declarations") }}
),

web_links as (
    select * from {{ ref("int_web_links") }}
),

links as (
    {% for node, type, other, other_type in [
        ("user_node", "user_id", "email_node", "email"),
        ("user_node", "user_id", "phone_node", "phone"),
        ("user_node", "user_id", "card_node", "loyalty_card"),
    ] %}
    select
        source_id,
        '{{ type }}' as node_type,
        {{ node }} as node_id,
        '{{ other_type }}' as other_type,
        {{ other }} as other_id,
        created_at as seen_at,
        created_at as last_seen_at,
        landed_at as known_at
    from customers
    where {{ node }} is not null
    union all
    {% endfor %}
    {% for node, type, other, other_type in [
        ("user_node", "user_id", "email_node", "email"),
        ("user_node", "user_id", "phone_node", "phone"),
        ("user_node", "user_id", "card_node", "loyalty_card"),
        ("card_node", "loyalty_card", "email_node", "email"),
        ("email_node", "email", "user_node", "user_id"),
        ("email_node", "email", "phone_node", "phone"),
        ("phone_node", "phone", "user_node", "user_id"),
    ] %}
    select
        source_id,
        '{{ type }}' as node_type,
        {{ node }} as node_id,
        '{{ other_type }}' as other_type,
        {{ other }} as other_id,
        ordered_at as seen_at,
        ordered_at as last_seen_at,
        known_at
    from orders
    where {{ node }} is not null
    union all
    {% endfor %}
    select
        source_id,
        address_type as node_type,
        address_node as node_id,
        'user_id' as other_type,
        user_node as other_id,
        valid_from as seen_at,
        valid_from as last_seen_at,
        known_at
    from declarations
    where address_node is not null
    union all
    select
        source_id,
        node_type,
        node_id,
        other_type,
        other_id,
        first_seen_at as seen_at,
        last_seen_at,
        known_at
    from web_links
),

final as (
    select
        source_id,
        node_type,
        node_id,
        other_type,
        other_id,
        min(seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(known_at) as known_at
    from links
    group by source_id, node_type, node_id, other_type, other_id
)

select * from final
