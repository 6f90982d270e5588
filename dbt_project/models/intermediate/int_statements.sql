with

said as (
    select * from {{ ref("int_said") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

-- Sources that share their ids may list the same product twice.
products as (
    select *
    from {{ ref("products") }}
    qualify
        row_number() over (
            partition by id_space, product_id
            order by changed_at desc nulls last, product_key asc
        ) = 1
),

-- Words that say nothing of their own: a search is about what was searched, a message about anything.
final as (
    select
        s.said_key,
        n.person_id,
        s.source_id,
        s.source,
        p.product_key,
        p.name as product_name,
        s.topic is not null or p.product_key is not null as has_topic,
        coalesce(s.topic, p.category, case when s.source = 'search' then 'search' else 'general' end) as topic,
        s.choice,
        s.call_result,
        s.rating,
        s.words,
        s.title,
        s.is_negative,
        s.is_known,
        s.said_at,
        s.known_at
    from said as s
    inner join nodes as n on s.node_id = n.node_id
    left join products as p on s.id_space = p.id_space and s.product_id = p.product_id
)

select * from final
