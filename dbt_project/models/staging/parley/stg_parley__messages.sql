with

final as (
    select *
    from {{ ref("base_parley__messages") }}
    where reject_reason is null
)

select * from final
