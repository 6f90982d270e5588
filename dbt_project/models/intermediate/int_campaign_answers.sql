with

nodes as (
    select * from {{ ref("people_nodes") }}
),

-- Whoever the address belongs to now.
sent as (
    select
        m.message_key,
        m.campaign_id,
        coalesce(n.person_id, m.person_id) as person_id,
        coalesce(m.sent_at, m.accepted_at) as sent_at,
        m.clicked_at,
        m.replied_at
    from {{ ref("messages") }} as m
    left join nodes as n on m.address_node = n.node_id
    where m.kind = 'mass' and m.campaign_id is not null and m.state = 'accepted'
),

visits as (
    select
        n.person_id,
        e.campaign,
        e.occurred_at
    from {{ ref("web_events") }} as e
    inner join nodes as n on e.node_id = n.node_id
    where e.campaign is not null and not e.is_bot and e.occurred_at <= {{ as_of() }}
),

-- A visit by a campaign's link answers the message only after it went out: links are shared and advertised.
answers as (
    {% for how in ["clicked", "replied"] %}
    select
        message_key,
        {{ how }}_at as answered_at,
        '{{ how }}' as how
    from sent
    where {{ how }}_at > sent_at and {{ how }}_at <= {{ as_of() }}
    union all
    {% endfor %}
    select
        s.message_key,
        v.occurred_at as answered_at,
        'visited' as how
    from sent as s
    inner join visits as v on s.person_id = v.person_id and s.campaign_id = v.campaign and s.sent_at < v.occurred_at
),

-- The wait restarts with each answer; what they bought since the first one ends it.
answered as (
    select
        s.person_id,
        s.campaign_id,
        min(a.answered_at) as first_at,
        max(a.answered_at) as last_at,
        min(a.how) as how,
        max_by(s.message_key, {{ moment_key("a.answered_at", "s.message_key") }}) as message_key
    from answers as a
    inner join sent as s on a.message_key = s.message_key
    group by s.person_id, s.campaign_id
),

final as (
    select
        a.*,
        c.subject,
        c.category
    from answered as a
    left join {{ ref("campaigns") }} as c on a.campaign_id = c.campaign_id
)

select * from final
