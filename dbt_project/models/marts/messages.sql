with

messages as (
    select * from {{ ref("int_ledger_messages") }}
),

-- What people did themselves; a message that came back for good. Opens say nothing.
feedback as (
    select
        message_key,
        {% for kind in ["sent", "delivered", "clicked", "replied", "unsubscribed"] %}
        min(case when kind = '{{ kind }}' and not is_machine then occurred_at end) as {{ kind }}_at,
        {% endfor %}
        min(case when kind = 'bounced' and is_hard then occurred_at end) as bounced_at
    from {{ ref("int_feedback") }}
    where message_key is not null
    group by message_key
),

final as (
    select
        m.message_key,
        m.run_id,
        m.programme,
        m.campaign_id,
        m.occasion,
        m.step,
        m.variant,
        m.channel,
        m.purpose,
        m.kind,
        m.person_id,
        m.address_node,
        m.planned_as_of,
        m.state,
        m.refusal,
        m.destination,
        m.reserved_at,
        m.accepted_at,
        coalesce(m.sent_at, f.sent_at, f.delivered_at) as sent_at,
        coalesce(m.delivered_at, f.delivered_at) as delivered_at,
        f.clicked_at,
        f.replied_at,
        f.bounced_at,
        f.unsubscribed_at,
        m.landed_at as known_at
    from messages as m
    left join feedback as f on m.message_key = f.message_key
)

select * from final
