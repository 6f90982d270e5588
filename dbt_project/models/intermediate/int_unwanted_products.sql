{{ config(materialized="view") }}

with

bought as (
    select * from {{ ref("int_person_products") }}
),

refusals as (
    select * from {{ ref("int_refusals") }}
    where refused = 'product'
),

final as (
    select
        person_id,
        product_key
    from bought
    union
    select
        person_id,
        what as product_key
    from refusals
)

select * from final
