{% set days = soft_bounces("days") | int %}

with

feedback as (
    select * from {{ ref("int_feedback") }}
),

bad_days as (
    select
        address_node,
        {{ day_of("occurred_at") }} as bounced_on,
        min(occurred_at) as bounced_at,
        min(known_at) as known_at,
        min(source_id) as source_id
    from feedback
    where kind = 'bounced' and not is_hard
    group by address_node, {{ day_of("occurred_at") }}
),

-- A mailbox that is full for weeks is left.
in_a_row as (
    select
        *,
        lag(bounced_at, {{ days - 1 }}) over (partition by address_node order by bounced_on) as first_bounced_at,
        max(known_at) over (
            partition by address_node
            order by bounced_on
            rows between {{ days - 1 }} preceding and current row
        ) as all_known_at
    from bad_days
),

stops as (
    select
        address_node,
        case kind when 'bounced' then 'hard_bounce' else 'complaint' end as reason,
        source_id,
        occurred_at as since,
        known_at
    from feedback
    where (kind = 'bounced' and is_hard) or kind = 'complained'
    union all
    select
        address_node,
        'hard_bounce' as reason,
        source_id,
        bounced_at as since,
        all_known_at as known_at
    from in_a_row
    where {{ after("first_bounced_at", soft_bounces("within_days"), "day") }} > bounced_at
),

final as (
    select
        address_node,
        reason,
        min_by(source_id, {{ moment_key("since", "source_id") }}) as source_id,
        min(since) as since,
        max(since) as last_at,
        min(known_at) as known_at
    from stops
    group by address_node, reason
)

select * from final
