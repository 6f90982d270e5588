{{ config(materialized="view") }}

with

final as (
    {{ versions_of("shops") }}
)

select * from final
