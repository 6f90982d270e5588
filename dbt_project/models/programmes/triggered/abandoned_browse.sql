{% set programme = "abandoned_browse" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme in ('{{ programme }}', 'abandoned_cart')
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

refusals as (
    select * from {{ ref("int_refusals") }}
    where refused = 'product'
),

visits as (
    select * from {{ ref("int_last_visits") }}
    where not is_carted
),

-- The one viewed most of those that can be had.
products as (
    select
        l.session_id,
        l.person_id,
        l.viewed_at,
        p.product_key,
        p.name,
        p.category,
        p.price_minor,
        p.currency,
        t.views,
        coalesce(p.in_stock, true) as in_stock,
        r.what is not null as is_declined,
        row_number() over (
            partition by l.person_id
            order by
                case when coalesce(p.in_stock, true) and r.what is null then 0 else 1 end,
                t.views desc,
                t.viewed_at desc,
                t.product_key asc
        ) as rank
    from visits as l
    inner join {{ ref("int_session_products") }} as t on l.session_id = t.session_id
    inner join {{ ref("int_catalogue") }} as p on t.product_key = p.product_key
    left join refusals as r on l.person_id = r.person_id and t.product_key = r.what
),

-- What the reminder of a cart may still answer is not answered twice.
carts as (
    select n.person_id
    from {{ ref("carts") }} as c
    inner join nodes as n on c.node_id = n.node_id
    inner join steps as s on s.programme = 'abandoned_cart' and {{ expires("c.changed_at", "s") }} > {{ as_of() }}
    where c.lines > 0 and c.state in ('open', 'abandoned')
    group by n.person_id
),

final as (
    select
        '{{ programme }}' as programme,
        p.person_id,
        p.session_id as occasion,
        p.session_id as subject,
        s.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        p.viewed_at as occurred_at,
        {{ expires("p.viewed_at", "s") }} as expires_at,
        cast(coalesce(p.price_minor, 0) as numeric(18, 6)) as value,
        p.currency,
        c.person_id is null and p.in_stock and not p.is_declined as context_ok,
        case
            when c.person_id is not null then 'cart_open'
            when not p.in_stock then 'out_of_stock'
            when p.is_declined then 'declined_product'
        end as context_reason,
        p.category as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "concat('Still thinking about ', coalesce(p.name, 'it'), '?')",
            "fact": "concat('You looked at ', coalesce(p.name, 'this'), ' and have not ordered it.')",
            "items": "p.name",
        }) }} as content,
        {{ json_text({
            "viewed_at": "cast(p.viewed_at as " ~ dbt.type_string() ~ ")", "views": "p.views",
            "product_key": "p.product_key",
        }) }} as evidence
    from products as p
    inner join steps as s on s.programme = '{{ programme }}'
    left join carts as c on p.person_id = c.person_id
    where
        p.rank = 1 and {{ is_due("p.viewed_at", "s") }}
)

select * from final
