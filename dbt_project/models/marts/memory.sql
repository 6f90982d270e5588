with

nodes as (
    select * from {{ ref("people_nodes") }}
),

events as (
    select * from {{ ref("int_web_events") }}
),

lines as (
    select * from {{ ref("int_order_lines") }}
    where is_bought
),

products as (
    select * from {{ ref("products") }}
),

-- What people said of themselves in the preference survey.
said as (
    select
        coalesce(user_node, device_node) as node_id,
        topic,
        case when topic in ('email', 'phone', 'post') then 'contact' else 'interest' end as fact,
        'said' as kind,
        answer as value,
        source_id,
        occurred_at as said_at,
        landed_at as known_at,
        event_key as tie
    from events
    where event = 'Survey Answered' and topic is not null and answer is not null
),

-- What they did: the last purchase and the last download in a topic.
did as (
    select
        l.node_id,
        p.category as topic,
        'bought' as fact,
        'did' as kind,
        p.name as value,
        l.source_id,
        l.ordered_at as said_at,
        l.known_at,
        l.order_line_key as tie
    from lines as l
    inner join products as p on l.product_key = p.product_key
    where l.node_id is not null and p.category is not null
    union all
    select
        coalesce(user_node, device_node) as node_id,
        topic,
        'downloaded' as fact,
        'did' as kind,
        title as value,
        source_id,
        occurred_at as said_at,
        landed_at as known_at,
        event_key as tie
    from events
    where event = 'Content Downloaded' and topic is not null
),

facts as (
    select * from said
    union all
    select * from did
),

ranked as (
    select
        f.*,
        n.person_id,
        row_number() over (
            partition by n.person_id, f.topic, f.fact, f.kind
            order by f.said_at desc, f.tie asc
        ) as rank
    from facts as f
    inner join nodes as n on f.node_id = n.node_id
),

final as (
    select
        {{ key(["person_id", "topic", "fact", "kind"]) }} as memory_key,
        person_id,
        topic,
        fact,
        kind,
        value,
        source_id,
        said_at,
        known_at,
        {{ after("said_at", "case when kind = 'said' then 730 else 365 end", "day") }} as expires_at
    from ranked
    where rank = 1
)

select * from final
