with

people as (
    select
        person_id,
        lower(split_part(replace(trim(language), '_', '-'), '-', 1)) as stated
    from {{ ref("people") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

orders as (
    select * from {{ ref("int_orders") }}
    where is_bought and country is not null
),

country_languages as (
    select * from {{ ref("country_languages") }}
),

last_orders as (
    select
        n.person_id,
        max_by(o.country, {{ moment_key("o.ordered_at", "o.order_key") }}) as country
    from orders as o
    inner join nodes as n on o.node_id = n.node_id
    group by n.person_id
),

-- A language in words ('German') is none that a message could be looked up by.
final as (
    select
        p.person_id,
        coalesce(
            case when length(p.stated) in (2, 3) then p.stated end,
            c.language,
            '{{ var("default_language") }}'
        ) as language
    from people as p
    left join last_orders as o on p.person_id = o.person_id
    left join country_languages as c on o.country = c.country
)

select * from final
