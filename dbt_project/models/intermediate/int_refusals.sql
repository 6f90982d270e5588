{{ config(materialized="view") }}

with

memory as (
    select * from {{ ref("memory") }}
    where kind = 'said' and value = 'not_interested' and is_current and fact in ('interest', 'contact')
),

final as (
    select
        person_id,
        case
            when fact = 'contact' then 'channel'
            when product_key is not null then 'product'
            else 'topic'
        end as refused,
        case
            when fact = 'contact' and topic = 'phone' then 'call'
            else coalesce(product_key, topic)
        end as what,
        said_at
    from memory
)

select * from final
