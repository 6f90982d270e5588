with

programmes as (
    select * from {{ ref("programmes") }}
),

steps as (
    select * from {{ ref("programme_steps") }}
),

-- A step may be said for the programme's window, and no longer than until the next one is due.
final as (
    select
        s.programme,
        s.step,
        s.wait_minutes,
        least(
            s.wait_minutes + g.window_hours * 60,
            coalesce(
                lead(s.wait_minutes) over (partition by s.programme order by s.step),
                s.wait_minutes + g.window_hours * 60
            )
        ) as expires_minutes
    from steps as s
    inner join programmes as g on s.programme = g.programme
)

select * from final
