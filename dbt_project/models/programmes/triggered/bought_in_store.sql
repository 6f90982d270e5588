{% set programme = "bought_in_store" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

sales as (
    select * from {{ ref("orders") }}
    where channel = 'shop'
),

popular as (
    select * from {{ ref("int_popular_products") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

due as (
    select
        o.*,
        n.person_id,
        s.step,
        {{ expires("o.ordered_at", "s") }} as expires_at
    from sales as o
    inner join nodes as n on o.node_id = n.node_id
    cross join steps as s
    where
        {{ is_due("o.ordered_at", "s") }}
),

-- What the visit was about: the dearest line with a category.
mains as (
    select
        d.order_key,
        d.person_id,
        p.name,
        p.category
    from due as d
    inner join {{ ref("order_lines") }} as l on d.order_key = l.order_key
    inner join {{ ref("products") }} as p on l.product_key = p.product_key
    where p.category is not null
    qualify row_number() over (partition by l.order_key order by l.amount_minor desc, l.order_line_key asc) = 1
),

-- What goes with it: the most bought of that category that they neither have nor declined.
complements as (
    select
        m.order_key,
        {{ ordered_list("p.name", "p.rank_in_category", most=3) }} as names
    from mains as m
    inner join popular as p on m.category = p.category and p.rank_in_category <= 20
    left join {{ ref("int_unwanted_products") }} as u on m.person_id = u.person_id and p.product_key = u.product_key
    where u.product_key is null
    group by m.order_key
),

final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        concat(d.source_id, '/', d.order_id) as occasion,
        d.order_key as subject,
        d.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        d.ordered_at as occurred_at,
        d.expires_at,
        cast(d.amount_minor as numeric(18, 6)) as value,
        d.currency,
        c.names is not null and {{ is_bought("d.status") }} and coalesce(d.status, '') <> 'refunded' as context_ok,
        case
            when not {{ is_bought("d.status") }} or d.status = 'refunded' then 'order_cancelled'
            when c.names is null then 'nothing_to_offer'
        end as context_reason,
        m.category as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "'Thank you for coming in'", "items": "c.names",
            "fact": "concat('You bought ', coalesce(m.name, 'something'), ' in our shop.', "
                ~ "case when k.topic is null then '' else ' ' end, coalesce(k.sentence, ''))",
        }) }} as content,
        {{ json_text({
            "order_id": "d.order_id", "bought_at": "cast(d.ordered_at as " ~ dbt.type_string() ~ ")",
            "amount_minor": "d.amount_minor", "store": "d.store",
            "liked_since": "cast(k.said_at as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from due as d
    left join mains as m on d.order_key = m.order_key
    left join complements as c on d.order_key = c.order_key
    left join {{ ref("int_remembered") }} as k
        on d.person_id = k.person_id and m.category = k.topic and k.kind = 'said'
)

select * from final
