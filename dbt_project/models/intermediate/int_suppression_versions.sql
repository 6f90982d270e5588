{{ config(materialized="view") }}

with

final as (
    {{ versions_of("suppressions") }}
)

select * from final
