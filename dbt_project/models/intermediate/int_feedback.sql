with

events as (
    select * from {{ ref("int_feedback_events") }}
),

delivered as (
    select
        message_key,
        min(occurred_at) as delivered_at
    from events
    where kind = 'delivered' and message_key is not null
    group by message_key
),

-- Who follows several links of a message at once is a program that looks what is behind them.
scanned as (
    select distinct e.feedback_key
    from events as e
    inner join events as o on e.message_key = o.message_key
    where
        e.kind = 'clicked' and o.kind = 'clicked' and e.url <> o.url
        and o.occurred_at <= {{ after("e.occurred_at", machine_seconds("several_links"), "second") }}
        and e.occurred_at <= {{ after("o.occurred_at", machine_seconds("several_links"), "second") }}
),

final as (
    select
        e.feedback_key,
        e.message_key,
        e.address_node,
        e.channel,
        e.kind,
        e.is_hard,
        coalesce(
            e.is_machine
            or s.feedback_key is not null
            {% for kind in ["opened", "clicked"] %}
            or (
                e.kind = '{{ kind }}' and e.occurred_at >= d.delivered_at
                and e.occurred_at < {{ after("d.delivered_at", machine_seconds(kind), "second") }}
            )
            {% endfor %},
            false
        ) as is_machine,
        e.url,
        e.reason,
        e.source_id,
        e.occurred_at,
        e.known_at
    from events as e
    left join delivered as d on e.message_key = d.message_key
    left join scanned as s on e.feedback_key = s.feedback_key
)

select * from final
