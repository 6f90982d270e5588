with

store as (
    select * from {{ ref("int_store_declarations") }}
),

web as (
    select * from {{ ref("int_web_declarations") }}
),

final as (
    select * from store
    where address_node is not null and state in ('granted', 'withdrawn') and valid_from is not null
    union all
    select * from web
    where address_node is not null and state in ('granted', 'withdrawn')
)

select * from final
