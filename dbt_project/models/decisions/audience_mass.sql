{{ config(schema="marts", contract={"enforced": true}) }}

with

final as (
    select * from {{ ref("int_audience") }}
    where kind = 'mass'
)

select * from final
