{{ config(materialized="view") }}

with

final as (
    {{ versions_of("orders") }}
)

select * from final
