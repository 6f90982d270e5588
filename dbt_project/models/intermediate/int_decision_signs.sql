with

nodes as (
    select * from {{ ref("people_nodes") }}
),

people as (
    select * from {{ ref("people") }}
),

sources as (
    select * from {{ ref("int_enrolling_sources") }}
),

visits as (
    select
        session_id as sign_key,
        'visit' as sign,
        max_by(node_id, {{ moment_key("occurred_at", "event_key") }}) as node_id,
        source_id,
        max(occurred_at) as occurred_at
    from {{ ref("web_events") }}
    where
        not is_bot and node_id is not null
        and occurred_on >= {{ day_of(ago(90, "day")) }} and occurred_at <= {{ as_of() }}
        and event in (
            'Page Viewed', 'Product Viewed', 'Product List Viewed', 'Products Searched', 'Content Downloaded'
        )
    group by session_id, source_id
),

downloads as (
    select
        *,
        coalesce(user_node, device_node) as node_id
    from {{ ref("int_web_events") }}
    where
        event = 'Content Downloaded' and not is_bot
        and occurred_on >= {{ day_of(ago(90, "day")) }} and occurred_at <= {{ as_of() }}
),

signs as (
    select
        sign_key,
        sign,
        node_id,
        source_id,
        occurred_at,
        cast(null as {{ dbt.type_string() }}) as content_id,
        cast(null as {{ dbt.type_string() }}) as title,
        cast(null as {{ dbt.type_string() }}) as topic
    from visits
    union all
    select
        event_key as sign_key,
        'download' as sign,
        node_id,
        source_id,
        occurred_at,
        coalesce(content_id, download_id, event_key) as content_id,
        coalesce(title, content_id) as title,
        topic
    from downloads
),

final as (
    select
        {{ key(["s.sign", "s.sign_key", "s.source_id"]) }} as decision_sign_key,
        n.person_id,
        p.account_id,
        coalesce(p.account_id, n.person_id) as unit_id,
        s.sign,
        s.occurred_at,
        s.content_id,
        s.title,
        s.topic
    from signs as s
    inner join sources as o on s.source_id = o.source_id
    inner join nodes as n on s.node_id = n.node_id
    inner join people as p on n.person_id = p.person_id
)

select * from final
