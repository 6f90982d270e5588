{{ config(materialized="view") }}

with

final as (
    {{ versions_of("consents") }}
)

select * from final
