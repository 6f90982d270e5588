with

suppressions as (
    select * from {{ ref("int_suppression_versions") }}
),

bounces as (
    select * from {{ ref("int_bounce_versions") }}
    where kind = 'hard'
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

-- Whoever unsubscribed twice, and subscribed in between, is not subscribed: hence the last time.
final as (
    select
        i.node_id as address_node,
        s.reason,
        min(s.suppressed_at) as since,
        max(s.suppressed_at) as last_at,
        min(s.landed_at) as known_at
    from stated as s
    inner join identifiers as i on s.address_type = i.identifier_type and s.raw_value = i.raw_value
    group by i.node_id, s.reason
)

select * from final
