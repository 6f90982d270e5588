{{ config(materialized="view") }}

with

final as (
    {{ versions_of("carts") }}
)

select * from final
