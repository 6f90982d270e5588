{{ config(materialized="view") }}

with

nodes as (
    select * from {{ ref("people_nodes") }}
),

lines as (
    select * from {{ ref("int_order_lines") }}
    where is_bought and node_id is not null
),

returned as (
    select * from {{ ref("int_returned_lines") }}
),

products as (
    select * from {{ ref("products") }}
    where category is not null
),

statements as (
    select * from {{ ref("int_statements") }}
),

-- What came back was not bought: nobody is thanked for it.
traded as (
    select
        l.node_id,
        l.product_key,
        'bought' as fact,
        l.source_id,
        l.ordered_at,
        l.known_at,
        l.order_line_key
    from lines as l
    left join returned as r on l.order_line_key = r.order_line_key
    where r.order_line_key is null
    union all
    select
        node_id,
        product_key,
        'returned' as fact,
        source_id,
        ordered_at,
        known_at,
        order_line_key
    from returned
),

final as (
    select
        n.person_id,
        p.category as topic,
        cast(null as {{ dbt.type_string() }}) as product_key,
        t.fact,
        'did' as kind,
        p.name as value,
        t.source_id,
        t.ordered_at as said_at,
        t.known_at,
        t.order_line_key as tie
    from traded as t
    inner join nodes as n on t.node_id = n.node_id
    inner join products as p on t.product_key = p.product_key
    union all
    select
        person_id,
        topic,
        cast(null as {{ dbt.type_string() }}) as product_key,
        case source when 'search' then 'searched' else 'downloaded' end as fact,
        'did' as kind,
        case source when 'search' then words else title end as value,
        source_id,
        said_at,
        known_at,
        said_key as tie
    from statements
    where (source = 'search' and words is not null) or (source = 'download' and has_topic)
)

select * from final
