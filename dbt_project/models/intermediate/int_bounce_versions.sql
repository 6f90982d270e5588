{{ config(materialized="view") }}

with

final as (
    {{ versions_of("bounces") }}
)

select * from final
