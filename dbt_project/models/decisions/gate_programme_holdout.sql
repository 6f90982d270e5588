with

arbitrated as (
    select * from {{ ref("gate_arbitration") }}
    where failed is null and deferred is null
),

candidates as (
    select
        c.candidate_key,
        c.purpose,
        g.holdout_percent,
        {{ percentile_of(["c.person_id", "c.programme"]) }} as percentile
    from {{ ref("candidates") }} as c
    inner join {{ ref("programmes") }} as g on c.programme = g.programme
),

final as (
    select
        a.candidate_key,
        case
            when c.purpose = 'marketing' and c.percentile < c.holdout_percent then 'programme_holdout'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        concat(cast(c.percentile as {{ dbt.type_string() }}), ' of 100') as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from arbitrated as a
    inner join candidates as c on a.candidate_key = c.candidate_key
)

select * from final
