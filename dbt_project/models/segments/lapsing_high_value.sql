with

segments as (
    select * from {{ ref("segments") }}
),

-- They are found by comparing them with others: nobody knows since when it has held.
final as (
    select
        person_id,
        cast(null as {{ dbt.type_timestamp() }}) as since
    from segments
    where monetary_score = 5 and lifecycle = 'at_risk'
)

select * from final
