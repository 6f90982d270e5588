with

withdrawals as (
    select * from {{ ref("permissions") }}
    where state <> 'granted' and valid_from < known_at
),

-- What a destination accepted, or may have: unknown and under way count as sent.
messages as (
    select
        *,
        coalesce(sent_at, accepted_at, reserved_at) as sending_at
    from {{ ref("messages") }}
    where state in ('accepted', 'unknown', 'delivering')
),

final as (
    select
        {{ key(["w.permission_key", "m.message_key"]) }} as late_withdrawal_key,
        w.permission_key,
        m.message_key,
        w.node_id,
        w.channel,
        w.purpose,
        w.valid_from,
        w.known_at,
        m.sending_at as sent_at,
        m.state as message_state,
        m.programme,
        m.campaign_id,
        m.occasion
    from withdrawals as w
    inner join messages as m
        on
            w.node_id = m.address_node and w.channel = m.channel and w.purpose = m.purpose
            and w.valid_from <= m.sending_at and w.known_at > m.sending_at
)

select * from final
