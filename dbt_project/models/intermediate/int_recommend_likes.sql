{{ config(materialized="view") }}

with

memory as (
    select * from {{ ref("memory") }}
    where
        fact = 'interest' and kind = 'said' and value = 'interested' and product_key is null
        and is_current and said_at <= {{ as_of() }}
),

final as (
    select distinct
        person_id,
        topic as category
    from memory
)

select * from final
