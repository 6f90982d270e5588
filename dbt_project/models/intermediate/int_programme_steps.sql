with

programmes as (
    select * from {{ ref("programmes") }}
),

steps as (
    select * from {{ ref("programme_steps") }}
),

final as (
    select
        s.programme,
        s.step,
        s.wait_minutes,
        g.window_hours
    from steps as s
    inner join programmes as g on s.programme = g.programme
)

select * from final
