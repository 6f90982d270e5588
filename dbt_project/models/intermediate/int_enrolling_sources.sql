{{ config(materialized="view") }}

with

-- Where nobody ever enrols, no long decision is under way, however often people come by.
final as (
    select distinct source_id
    from {{ ref("conversions") }}
    where goal = 'enrol' and occurred_at <= {{ as_of() }}
)

select * from final
