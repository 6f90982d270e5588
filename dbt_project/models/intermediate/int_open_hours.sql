with

country_rules as (
    select * from {{ ref("country_rules") }}
),

-- Hours lie within a day: they end later than they begin.
slots as (
    {% for slot, hours in {
        "any": ("0", "24", "'1234567'", "null"),
        "waking": ("quiet_until_hour", "quiet_from_hour", "'1234567'", "'quiet_hours'"),
        "mass": ("mass_from_hour", "mass_until_hour", "'1234567'", "'send_slot'"),
        "call": ("call_from_hour", "call_until_hour", "call_weekdays", "'calling_hours'"),
    }.items() %}
    select
        country,
        '{{ slot }}' as slot,
        {{ hours[0] }} as from_hour,
        {{ hours[1] }} as until_hour,
        {{ hours[2] }} as weekdays,
        cast({{ hours[3] }} as {{ dbt.type_string() }}) as reason
    from country_rules
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- A country without rules has those of ZZ. Few places, however many people.
places as (
    select
        coalesce(r.country, 'ZZ') as country,
        p.time_zone
    from {{ ref("people") }} as p
    left join country_rules as r on p.country = r.country
    where p.time_zone is not null
    union
    select
        country,
        time_zone
    from country_rules
),

clocks as (
    select
        *,
        {{ to_local(as_of(), "time_zone") }} as local_at
    from places
),

-- Two weeks: longer than any run of holidays and weekends.
days as (
    {% for ahead in range(15) %}
    select
        {{ ahead }} as days_ahead,
        country,
        time_zone,
        local_at,
        {{ after("date_trunc('day', local_at)", ahead, "day") }} as began_at
    from clocks
    {{ "union all" if not loop.last }}
    {% endfor %}
),

opened as (
    select
        d.days_ahead,
        d.country,
        d.time_zone,
        d.local_at,
        s.slot,
        date_part('hour', d.local_at) between s.from_hour and s.until_hour - 1 as is_hour,
        {{ from_local(after("d.began_at", "s.from_hour"), "d.time_zone") }} as opens_at,
        case when s.slot = 'call' then h.name end as holiday,
        case
            when s.slot = 'call' and h.name is not null then 'public_holiday'
            when s.weekdays not like concat('%', cast({{ weekday("d.began_at") }} as {{ dbt.type_string() }}), '%')
                then 'day_off'
        end as closed,
        s.reason
    from days as d
    inner join slots as s on d.country = s.country
    left join {{ ref("holidays") }} as h
        on d.country = h.country and h.day = {{ day_of("d.began_at") }}
),

final as (
    select
        country,
        time_zone,
        slot,
        local_at,
        max(case when days_ahead = 0 then holiday end) as holiday,
        max(case
            when days_ahead = 0 then coalesce(closed, case when not is_hour then reason end)
        end) as closed_because,
        min(case when closed is null and opens_at > {{ as_of() }} then opens_at end) as opens_at
    from opened
    group by country, time_zone, slot, local_at
)

select * from final
