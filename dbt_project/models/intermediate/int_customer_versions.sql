{{ config(materialized="view") }}

with

final as (
    {{ versions_of("customers") }}
)

select * from final
