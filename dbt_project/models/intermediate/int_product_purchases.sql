{{ config(materialized="view") }}

with

bought as (
    select * from {{ ref("int_person_products") }}
),

products as (
    select * from {{ ref("products") }}
),

final as (
    select
        b.person_id,
        p.id_space,
        p.product_id,
        max(b.last_bought_at) as last_bought_at
    from bought as b
    inner join products as p on b.product_key = p.product_key
    group by b.person_id, p.id_space, p.product_id
)

select * from final
