with

final as (
    select *
    from {{ ref("base_database__consents") }}
    where reject_reason is null
)

select * from final
