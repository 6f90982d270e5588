{{ config(materialized="view") }}

with

final as (
    {{ versions_of("sends") }}
)

select * from final
