with

judged as (
    select
        *,
        -- These happen to a message once, whoever tells of it, and whenever; the others each time that they do.
        message_key is not null and (
            kind in ('sent', 'delivered', 'dropped', 'complained', 'unsubscribed') or (kind = 'bounced' and is_hard)
        ) as is_once
    from {{ ref("int_feedback_judged") }}
    where problem is null
),

named as (
    select
        *,
        {{ key([
            "coalesce(message_key, address_node)", "kind", "is_hard",
            "case when not is_once then " ~ to_millis("occurred_at") ~ " end",
            "case when kind = 'clicked' then url end",
        ]) }} as feedback_key
    from judged
),

final as (
    select
        feedback_key,
        min(message_key) as message_key,
        min(address_node) as address_node,
        min(channel) as channel,
        min(kind) as kind,
        bool_or(is_hard) as is_hard,
        bool_or(is_machine) as is_machine,
        min(url) as url,
        min_by(reason, {{ moment_key("occurred_at", "judged_key") }}) as reason,
        min_by(source_id, {{ moment_key("known_at", "judged_key") }}) as source_id,
        min(occurred_at) as occurred_at,
        min(known_at) as known_at
    from named
    group by feedback_key
)

select * from final
