with

final as (
    select *
    from {{ ref("base_parley__identifiers") }}
    where reject_reason is null
)

select * from final
