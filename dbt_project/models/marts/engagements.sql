with

feedback as (
    select * from {{ ref("int_feedback") }}
),

final as (
    select
        feedback_key as engagement_key,
        message_key,
        address_node,
        kind,
        occurred_at,
        is_machine,
        known_at
    from feedback
    where message_key is not null and kind in ('opened', 'clicked', 'replied', 'unsubscribed', 'complained')
)

select * from final
