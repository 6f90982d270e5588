{{ config(materialized="view") }}

with

final as (
    {{ versions_of("companies") }}
)

select * from final
