with

candidates as (
    select * from {{ ref("candidates") }}
),

policy as (
    select percent
    from {{ ref("contact_policy") }}
    where rule = 'global_holdout'
),

split as (
    select
        c.*,
        o.percent,
        {{ percentile_of(["c.person_id", "'global_holdout'"]) }} as percentile
    from candidates as c
    cross join policy as o
),

final as (
    select
        candidate_key,
        case when purpose = 'marketing' and percentile < percent then 'global_holdout' end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        concat(cast(percentile as {{ dbt.type_string() }}), ' of 100') as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from split
)

select * from final
