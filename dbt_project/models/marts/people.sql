with

nodes as (
    select
        n.person_id,
        c.*
    from {{ ref("people_nodes") }} as n
    inner join {{ ref("int_identity_components") }} as c on n.node_id = c.node_id
),

customers as (
    select
        *,
        {{ moment_key("landed_at", "user_node") }} as recency
    from {{ ref("int_customers") }}
    where is_current
),

orders as (
    select
        *,
        {{ moment_key("ordered_at", "order_key") }} as recency
    from {{ ref("int_orders") }}
    where is_bought
),

zones as (
    select * from {{ ref("int_person_zones") }}
),

accounts as (
    select * from {{ ref("account_members") }}
    where is_main
),

country_rules as (
    select * from {{ ref("country_rules") }}
),

seen as (
    select
        person_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from nodes
    group by person_id
),

profiles as (
    select
        n.person_id,
        max_by(c.country, c.recency) filter (where c.country is not null) as country,
        max_by(c.language, c.recency) filter (where c.language is not null) as language,
        bool_or(c.is_staff) as is_staff,
        bool_or(c.is_test) as is_test
    from customers as c
    inner join nodes as n on c.user_node = n.node_id
    group by n.person_id
),

bought as (
    select
        n.person_id,
        max_by(o.country, o.recency) filter (where o.country is not null) as country,
        max_by(o.currency, o.recency) as currency,
        min(o.ordered_at) as first_order_at,
        max(o.ordered_at) as last_order_at,
        count(*) as order_count
    from orders as o
    inner join nodes as n on o.node_id = n.node_id
    group by n.person_id
),

final as (
    select
        s.person_id,
        s.first_seen_at,
        s.last_seen_at,
        coalesce(p.country, b.country) as country,
        coalesce(z.time_zone, r.time_zone, d.time_zone) as time_zone,
        p.language,
        b.currency,
        coalesce(b.order_count, 0) > 0 as is_customer,
        coalesce(p.is_staff, false) as is_staff,
        coalesce(p.is_test, false) as is_test,
        b.first_order_at,
        b.last_order_at,
        coalesce(b.order_count, 0) as order_count,
        a.account_id
    from seen as s
    left join profiles as p on s.person_id = p.person_id
    left join bought as b on s.person_id = b.person_id
    left join accounts as a on s.person_id = a.person_id
    left join zones as z on s.person_id = z.person_id
    left join country_rules as r on coalesce(p.country, b.country) = r.country
    left join country_rules as d on d.country = 'ZZ'
)

select * from final
