{{ config(materialized="view") }}

with

final as (
    {{ versions_of("deals") }}
)

select * from final
