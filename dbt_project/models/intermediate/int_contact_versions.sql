{{ config(materialized="view") }}

with

final as (
    {{ versions_of("contacts") }}
)

select * from final
