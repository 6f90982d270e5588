with

carts as (
    select * from {{ ref("int_carts") }}
),

final as (
    select
        cart_key,
        source_id,
        id_space,
        cart_id,
        node_id,
        case
            when ordered_at is not null then 'ordered'
            when lines = 0 or is_closed then 'emptied'
            when changed_at <= {{ ago(1) }} then 'abandoned'
            else 'open'
        end as state,
        started_at,
        changed_at,
        ordered_at,
        lines,
        value_minor,
        currency,
        top_product_ids
    from carts
)

select * from final
