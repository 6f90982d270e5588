with

-- As long as a sequence of content_nurture runs.
sequence as (
    select max(expires_minutes) as minutes
    from {{ ref("int_programme_steps") }}
    where programme = 'content_nurture'
),

downloads as (
    select
        e.*,
        n.person_id,
        coalesce(e.user_node, e.device_node) as node_id,
        concat(e.source_id, '/', coalesce(e.download_id, e.event_key)) as occasion,
        coalesce(e.content_id, e.title, e.event_key) as piece_id,
        coalesce(e.topic, e.content_id, e.event_key) as about
    from {{ ref("int_web_events") }} as e
    inner join {{ ref("people_nodes") }} as n on coalesce(e.user_node, e.device_node) = n.node_id
    where e.event = 'Content Downloaded' and not e.is_bot and e.occurred_at <= {{ as_of() }}
),

readers as (
    select
        source_id,
        about,
        piece_id,
        max(coalesce(title, content_id)) as title,
        count(distinct person_id) as readers
    from downloads
    group by source_id, about, piece_id
),

-- One sequence of a person about a topic at a time: what is downloaded while one may still run belongs
-- to it. It starts again after a pause as long as itself.
marked as (
    select
        d.*,
        lag(d.occurred_at) over (
            partition by d.person_id, d.source_id, d.about
            order by d.occurred_at, d.event_key
        ) as before_at
    from downloads as d
),

begun as (
    select m.*
    from marked as m
    cross join sequence as s
    where
        (m.before_at is null or {{ after("m.before_at", "s.minutes", "minute") }} <= m.occurred_at)
        and {{ after("m.occurred_at", "s.minutes", "minute") }} > {{ as_of() }}
    -- Whoever presses the button twice asks once, also where nothing tells what it is about.
    qualify row_number() over (partition by m.person_id, m.occasion order by m.occurred_at, m.event_key) = 1
),

-- What else there is about it that they do not have, the most read first.
unread as (
    select
        b.event_key,
        r.title,
        row_number() over (partition by b.event_key order by r.readers desc, r.piece_id asc) as rank
    from begun as b
    inner join readers as r on b.source_id = r.source_id and b.about = r.about
    left join downloads as h
        on b.person_id = h.person_id and r.source_id = h.source_id and r.about = h.about and r.piece_id = h.piece_id
    where h.event_key is null and r.title is not null
),

others as (
    select
        event_key,
        max(case when rank = 1 then title end) as next_title,
        {{ ordered_list("title", "rank", most=3) }} as next_titles
    from unread
    where rank <= 3
    group by event_key
),

final as (
    select
        b.person_id,
        b.occasion,
        {{ key(["b.source_id", "coalesce(b.download_id, b.event_key)", "coalesce(b.email_node, b.node_id)"]) }}
            as subject,
        b.occurred_at,
        b.email_node,
        b.topic,
        b.content_id,
        coalesce(b.title, b.content_id, 'our guide') as title,
        r.readers,
        o.next_title,
        o.next_titles
    from begun as b
    inner join readers as r on b.source_id = r.source_id and b.about = r.about and b.piece_id = r.piece_id
    left join others as o on b.event_key = o.event_key
)

select * from final
