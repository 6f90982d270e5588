with

suppressions as (
    select * from {{ ref("int_suppression_versions") }}
),

bounces as (
    select * from {{ ref("int_bounce_versions") }}
    where kind = 'hard'
),

-- What came back of our own messages: bounces and complaints.
feedback as (
    select * from {{ ref("int_feedback_stops") }}
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
    where is_valid
),

stated as (
    {% for type in ["email", "phone"] %}
    select
        '{{ type }}' as address_type,
        {{ type }}_raw as raw_value,
        reason,
        suppressed_at,
        landed_at
    from suppressions
    where {{ type }}_raw is not null
    union all
    {% endfor %}
    select
        'email' as address_type,
        email_raw as raw_value,
        'hard_bounce' as reason,
        bounced_at as suppressed_at,
        landed_at
    from bounces
),

found as (
    select
        i.node_id as address_node,
        s.reason,
        s.suppressed_at as since,
        s.suppressed_at as last_at,
        s.landed_at as known_at
    from stated as s
    inner join identifiers as i on s.address_type = i.identifier_type and s.raw_value = i.raw_value
    union all
    select
        address_node,
        reason,
        since,
        last_at,
        known_at
    from feedback
),

-- Whoever unsubscribed twice, and subscribed in between, is not subscribed: hence the last time.
final as (
    select
        address_node,
        reason,
        min(since) as since,
        max(last_at) as last_at,
        min(known_at) as known_at
    from found
    group by address_node, reason
)

select * from final
