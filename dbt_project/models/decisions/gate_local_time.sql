with

candidates as (
    select * from {{ ref("candidates") }}
),

people as (
    select * from {{ ref("people") }}
),

country_rules as (
    select * from {{ ref("country_rules") }}
),

-- The person's own zone, else their country's; a country without rules has those of ZZ.
placed as (
    select
        c.candidate_key,
        c.purpose,
        coalesce(p.time_zone, r.time_zone, d.time_zone) as time_zone,
        coalesce(r.quiet_from_hour, d.quiet_from_hour) as quiet_from_hour,
        coalesce(r.quiet_until_hour, d.quiet_until_hour) as quiet_until_hour
    from candidates as c
    left join people as p on c.person_id = p.person_id
    left join country_rules as r on p.country = r.country
    left join country_rules as d on d.country = 'ZZ'
),

local as (
    select
        *,
        {{ to_local(as_of(), "time_zone") }} as local_at
    from placed
),

judged as (
    select
        *,
        date_part('hour', local_at) >= quiet_from_hour as is_late,
        date_part('hour', local_at) < quiet_until_hour as is_early
    from local
),

final as (
    select
        candidate_key,
        cast(null as {{ dbt.type_string() }}) as failed,
        case when purpose = 'marketing' and (is_late or is_early) then 'quiet_hours' end as deferred,
        concat(cast(local_at as {{ dbt.type_string() }}), ' ', time_zone) as seen,
        case
            when purpose = 'marketing' and (is_late or is_early)
                then {{ from_local(
                    after(
                        after("date_trunc('day', local_at)", "case when is_late then 1 else 0 end", "day"),
                        "quiet_until_hour"
                    ),
                    "time_zone"
                ) }}
        end as defer_until
    from judged
)

select * from final
