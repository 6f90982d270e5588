{% set types = {
    "user_node": "user_id", "email_node": "email", "phone_node": "phone", "card_node": "loyalty_card",
} %}
{# Relation, when the link was seen first and last and known, and what was seen together; whatever
   stands first was seen at all, also alone. #}
{% set seen_in = [
    ("customers", "created_at", "created_at", "landed_at", [
        ("user_node", "email_node"), ("user_node", "phone_node"), ("user_node", "card_node"),
    ]),
    ("orders", "ordered_at", "ordered_at", "first_known_at", [
        ("user_node", "email_node"), ("user_node", "phone_node"), ("user_node", "card_node"),
        ("card_node", "email_node"), ("email_node", "user_node"), ("email_node", "phone_node"),
        ("phone_node", "user_node"),
    ]),
    ("carts", "started_at", "changed_at", "known_at", [
        ("user_node", "email_node"), ("email_node", "user_node"),
    ]),
] %}

with

customers as (
    select * from {{ ref("int_customers") }}
),

orders as (
    select * from {{ ref("int_orders") }}
),

carts as (
    select * from {{ ref("int_store_carts") }}
),

declarations as (
    select * from {{ ref("int_permission_declarations") }}
),

web_links as (
    select * from {{ ref("int_web_links") }}
),

links as (
    {% for relation, first, last, known, pairs in seen_in %}
    {% for node, other in pairs %}
    select
        source_id,
        '{{ types[node] }}' as node_type,
        {{ node }} as node_id,
        '{{ types[other] }}' as other_type,
        {{ other }} as other_id,
        {{ first }} as seen_at,
        {{ last }} as last_seen_at,
        {{ known }} as known_at
    from {{ relation }}
    where {{ node }} is not null
    union all
    {% endfor %}
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
