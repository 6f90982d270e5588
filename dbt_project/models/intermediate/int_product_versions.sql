{{ config(materialized="view") }}

with

final as (
    {{ versions_of("products") }}
)

select * from final
