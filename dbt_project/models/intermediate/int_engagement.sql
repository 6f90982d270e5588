with

people as (
    select * from {{ ref("people") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

signs as (
    select * from {{ ref("int_signs_of_life") }}
),

-- Half the way to the sunset they are no longer taken for engaged.
policy as (
    select
        max(case when rule = 'sunset' then window_hours end) as sunset_hours,
        cast(
            floor(max(case when rule = 'sunset' then window_hours / 2 end)) as {{ dbt.type_bigint() }}
        ) as lapsing_hours,
        max(case when rule = 'new_subscriber' then window_hours end) as new_hours
    from {{ ref("contact_policy") }}
),

subscribed as (
    select
        n.person_id,
        max(w.since) as subscribed_at
    from {{ ref("permission_now") }} as w
    inner join nodes as n on w.address_node = n.node_id
    where w.purpose = 'marketing' and w.state = 'granted'
    group by n.person_id
),

timed as (
    select
        p.person_id,
        p.first_seen_at,
        l.engaged_at,
        s.subscribed_at,
        {{ after("coalesce(l.engaged_at, p.first_seen_at)", "o.lapsing_hours") }} as quiet_at,
        {{ after("coalesce(l.engaged_at, p.first_seen_at)", "o.sunset_hours") }} as sunset_at,
        {{ after("s.subscribed_at", "o.new_hours") }} as exempt_until,
        {{ after("p.first_seen_at", "o.lapsing_hours") }} as young_until
    from people as p
    left join signs as l on p.person_id = l.person_id
    left join subscribed as s on p.person_id = s.person_id
    cross join policy as o
),

final as (
    select
        person_id,
        engaged_at,
        case
            when greatest(quiet_at, exempt_until) >= {{ as_of() }} then 'engaged'
            when sunset_at >= {{ as_of() }} then 'lapsing'
            else 'dormant'
        end as engagement,
        case
            when quiet_at >= {{ as_of() }} then case when young_until >= {{ as_of() }} then first_seen_at end
            when exempt_until >= {{ as_of() }} then case when subscribed_at > quiet_at then subscribed_at end
            when sunset_at >= {{ as_of() }} then greatest(quiet_at, exempt_until)
            else greatest(sunset_at, exempt_until)
        end as since
    from timed
)

select * from final
