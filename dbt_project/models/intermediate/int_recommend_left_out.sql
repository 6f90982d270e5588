{{ config(materialized="view") }}

with

refusals as (
    select * from {{ ref("int_refusals") }}
    where refused = 'product' and said_at <= {{ as_of() }}
),

memory as (
    select * from {{ ref("memory") }}
    where
        fact = 'rating' and kind = 'said' and value in ('1', '2') and product_key is not null
        and is_current and said_at <= {{ as_of() }}
),

bought as (
    select * from {{ ref("int_person_products") }}
),

returned as (
    select
        n.person_id,
        r.product_key
    from {{ ref("int_returned_lines") }} as r
    inner join {{ ref("people_nodes") }} as n on r.node_id = n.node_id
    where r.ordered_at <= {{ as_of() }}
),

-- Who gave a thing one or two stars has declined it as well.
declined as (
    select
        person_id,
        what as product_key
    from refusals
    union
    select
        person_id,
        product_key
    from memory
),

final as (
    select
        person_id,
        product_key,
        'new' as kind
    from bought
    union
    select
        person_id,
        product_key,
        'new' as kind
    from declined
    union
    select
        person_id,
        product_key,
        'repeat' as kind
    from declined
    union
    select
        person_id,
        product_key,
        'repeat' as kind
    from returned
)

select * from final
