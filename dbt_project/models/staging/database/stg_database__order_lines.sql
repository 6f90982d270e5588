with

final as (
    select *
    from {{ ref("base_database__order_lines") }}
    where reject_reason is null
)

select * from final
