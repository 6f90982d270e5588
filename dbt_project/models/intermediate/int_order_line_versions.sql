{{ config(materialized="view") }}

with

final as (
    {{ versions_of("order_lines") }}
)

select * from final
