with

final as (
    select *
    from {{ ref("base_database__customers") }}
    where reject_reason is null
)

select * from final
