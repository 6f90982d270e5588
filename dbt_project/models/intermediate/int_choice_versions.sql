{{ config(materialized="view") }}

with

final as (
    {{ versions_of("choices") }}
)

select * from final
