with

segments as (
    select * from {{ ref("segments") }}
    where discount_dependence >= 0.5
),

counted as (
    select
        *,
        row_number() over (partition by person_id order by bought_on) as trips,
        count(discounted_at) over (
            partition by person_id
            order by bought_on
            rows between unbounded preceding and current row
        ) as discounted_trips
    from {{ ref("int_purchase_days") }}
),

judged as (
    select
        person_id,
        coalesce(discounted_at, first_at) as judged_at,
        trips >= 3 and 2 * discounted_trips >= trips as holds
    from counted
),

failed as (
    select
        person_id,
        max(judged_at) as failed_at
    from judged
    where not holds
    group by person_id
),

-- Since the first purchase after which the rule has never failed.
final as (
    select
        s.person_id,
        min(j.judged_at) as since
    from segments as s
    inner join judged as j on s.person_id = j.person_id
    inner join failed as f on s.person_id = f.person_id
    where j.judged_at > f.failed_at
    group by s.person_id
)

select * from final
