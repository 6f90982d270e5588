with

final as (
    select *
    from {{ ref("base_segment__events") }}
    where reject_reason is null
)

select * from final
