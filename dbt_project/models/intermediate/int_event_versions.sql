{{ config(materialized="view") }}

with

final as (
    {{ versions_of("events") }}
)

select * from final
