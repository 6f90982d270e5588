with

judged as (
    select * from {{ ref("int_feedback_judged") }}
    where problem is not null
),

final as (
    select
        judged_key,
        source_id,
        kind,
        problem,
        occurred_at,
        known_at
    from judged
)

select * from final
