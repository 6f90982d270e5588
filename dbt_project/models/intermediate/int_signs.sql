{# What is done to people, not by them, however it is written: an opened mail is no sign of life. #}
{% set not_theirs = [
    "email delivered", "email opened", "email bounced", "email marked as spam", "unsubscribed",
    "call completed", "order updated", "order refunded", "order cancelled", "identified", "aliased", "grouped",
] %}

with

nodes as (
    select * from {{ ref("people_nodes") }}
),

sessions as (
    select * from {{ ref("sessions") }}
    where not is_bot
),

passive as (
    select
        session_id,
        count(*) as events
    from {{ ref("web_events") }}
    where
        lower(replace(event, '_', ' ')) in (
            {% for event in not_theirs %}
            '{{ event }}'{{ "," if not loop.last }}
            {% endfor %}
        )
    group by session_id
),

signs as (
    select
        n.person_id,
        s.ended_at as occurred_at
    from sessions as s
    inner join nodes as n on s.node_id = n.node_id
    left join passive as p on s.session_id = p.session_id
    where s.events > coalesce(p.events, 0)
    union all
    select
        person_id,
        last_at as occurred_at
    from {{ ref("int_purchase_days") }}
    union all
    select
        person_id,
        said_at as occurred_at
    from {{ ref("int_statements") }}
    where source = 'reply'
    union all
    select
        n.person_id,
        f.occurred_at
    from {{ ref("int_feedback") }} as f
    inner join nodes as n on f.address_node = n.node_id
    where f.kind in ('clicked', 'replied') and not f.is_machine
),

final as (
    select distinct
        person_id,
        occurred_at
    from signs
    where occurred_at <= {{ as_of() }}
)

select * from final
