with

signs as (
    select * from {{ ref("int_signs") }}
),

final as (
    select
        person_id,
        max(occurred_at) as engaged_at
    from signs
    group by person_id
)

select * from final
