{{ config(materialized="view") }}

with

final as (
    {{ versions_of("cart_lines") }}
)

select * from final
