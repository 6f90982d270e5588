{{ config(materialized="view") }}

with

products as (
    select * from {{ ref("products") }}
    where name is not null and coalesce(in_stock, true)
),

sensitive as (
    select * from {{ ref("sensitive_categories") }}
),

hidden as (
    select distinct p.product_key
    from products as p
    inner join sensitive as s on replace(lower(p.category), '_', ' ') like concat('%', s.words, '%')
),

-- What a thing says of whoever is seen with it may be nobody's business: it is never recommended,
-- not even to those who bought it.
final as (
    select
        p.product_key,
        p.source_id,
        p.product_id,
        p.name,
        p.category
    from products as p
    left join hidden as h on p.product_key = h.product_key
    where h.product_key is null
)

select * from final
