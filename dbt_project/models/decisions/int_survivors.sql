with

verdicts as (
    select * from {{ ref("int_independent_verdicts") }}
),

stopped as (
    select distinct candidate_key
    from verdicts
    where verdict <> 'pass'
),

final as (
    select c.*
    from {{ ref("candidates") }} as c
    left join stopped as s on c.candidate_key = s.candidate_key
    where s.candidate_key is null
)

select * from final
