with

-- A deal is its contact's matter, not that of a colleague who is called.
final as (
    select
        person_id,
        'deal' as part,
        stage as words,
        max(changed_at) as told_at
    from {{ ref("int_open_deals") }}
    where person_id is not null and stage is not null
    group by person_id, stage
    union all
    select
        person_id,
        'owner' as part,
        owner as words,
        said_at as told_at
    from {{ ref("int_owners") }}
)

select * from final
