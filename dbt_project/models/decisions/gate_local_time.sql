with

candidates as (
    select * from {{ ref("candidates") }}
),

people as (
    select * from {{ ref("people") }}
),

person_zones as (
    select * from {{ ref("int_person_zones") }}
),

country_rules as (
    select * from {{ ref("country_rules") }}
),

open_hours as (
    select * from {{ ref("int_open_hours") }}
),

-- The person's own zone, else their country's; a country without rules has those of ZZ.
placed as (
    select
        c.candidate_key,
        case
            when c.channel = 'call' then case when c.purpose = 'service' then 'waking' else 'call' end
            when c.purpose = 'service' or c.channel = 'post' then 'any'
            when c.kind = 'mass' then 'mass'
            else 'waking'
        end as slot,
        coalesce(r.country, 'ZZ') as country,
        coalesce(p.time_zone, r.time_zone, d.time_zone) as time_zone,
        -- A guessed zone will do for an email; a telephone rings at once, wherever it is.
        coalesce(c.channel = 'call', false) and z.time_zone is null and not coalesce(r.one_zone, false)
            as is_zone_unknown
    from candidates as c
    left join people as p on c.person_id = p.person_id
    left join person_zones as z on c.person_id = z.person_id
    left join country_rules as r on p.country = r.country
    left join country_rules as d on d.country = 'ZZ'
),

final as (
    select
        c.candidate_key,
        case when c.is_zone_unknown then 'unknown_zone' end as failed,
        case when not c.is_zone_unknown then o.closed_because end as deferred,
        concat(
            cast(o.local_at as {{ dbt.type_string() }}), ' ', c.time_zone,
            case when o.holiday is null then '' else concat(', ', o.holiday) end
        ) as seen,
        case when not c.is_zone_unknown and o.closed_because is not null then o.opens_at end as defer_until
    from placed as c
    left join open_hours as o on c.country = o.country and c.time_zone = o.time_zone and c.slot = o.slot
)

select * from final
