{% set programme = "abandoned_cart" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

carts as (
    select * from {{ ref("carts") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

products as (
    select * from {{ ref("int_catalogue") }}
),

refusals as (
    select * from {{ ref("int_refusals") }}
    where refused = 'product'
),

-- The wait restarts with each change of the cart; carts that ended otherwise stay candidates
-- until the window closes, so that the plan can say why nothing is sent.
due as (
    select
        c.*,
        n.person_id,
        s.step,
        {{ expires("c.changed_at", "s") }} as expires_at
    from carts as c
    inner join nodes as n on c.node_id = n.node_id
    cross join steps as s
    where
        c.lines > 0
        and {{ is_due("c.changed_at", "s") }}
),

final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        concat(d.id_space, '/', d.cart_id) as occasion,
        d.cart_key as subject,
        d.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        d.changed_at as occurred_at,
        d.expires_at,
        cast(d.value_minor as numeric(18, 6)) as value,
        d.currency,
        d.state in ('open', 'abandoned') and coalesce(p.in_stock, true) and r.what is null as context_ok,
        case
            when d.state = 'ordered' then 'cart_ordered'
            when not coalesce(p.in_stock, true) then 'out_of_stock'
            when r.what is not null then 'declined_product'
        end as context_reason,
        p.category as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "case when d.step = 1 then concat('You left ', coalesce(p.name, 'something'), ' in your basket') "
                ~ "when d.step = 2 and p.in_stock then concat(coalesce(p.name, 'Your basket'), ' is still in stock') "
                ~ "when d.step = 2 then 'Your basket is still here' else 'Your basket, one last time' end",
            "fact": "'You put this in your basket and have not ordered it yet.'",
            "text": "case d.step when 1 then 'We kept it for you.' when 2 then 'It is as you left it.' "
                ~ "else 'We will not remind you of this basket again.' end",
            "items": "p.name", "lines": "d.lines",
        }) }} as content,
        {{ json_text({
            "cart_id": "d.cart_id",
            "changed_at": "cast(d.changed_at as " ~ dbt.type_string() ~ ")",
            "value_minor": "d.value_minor",
            "state": "d.state", "product_key": "p.product_key",
        }) }} as evidence
    from due as d
    left join products as p
        on d.id_space = p.id_space and split_part(d.top_product_ids, ', ', 1) = p.product_id
    left join refusals as r on d.person_id = r.person_id and p.product_key = r.what
)

select * from final
