with

blocked as (
    select * from {{ ref("blocked_identifiers") }}
),

-- An empty value of the seed stands for the text null, which dbt's CSV reader takes for no value.
final as (
    select distinct
        identifier_type,
        coalesce(value, 'null') as value
    from blocked
)

select * from final
