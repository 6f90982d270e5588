{{ config(materialized="view") }}

with

final as (
    {{ versions_of("feedback") }}
)

select * from final
