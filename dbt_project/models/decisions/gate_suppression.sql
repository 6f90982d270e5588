with

candidates as (
    select * from {{ ref("candidates") }}
),

segments as (
    select * from {{ ref("segments") }}
),

people as (
    select * from {{ ref("people") }}
),

permission_now as (
    select * from {{ ref("permission_now") }}
),

policy as (
    select
        max(case when rule = 'sunset' then window_hours end) as sunset_hours,
        max(case when rule = 'new_subscriber' then window_hours end) as new_hours
    from {{ ref("contact_policy") }}
),

-- Engaged means bought or visited, never opened; who is new gets the time to become so.
final as (
    select
        c.candidate_key,
        case
            when
                c.kind = 'mass'
                and coalesce(s.engaged_at, p.first_seen_at) < {{ ago("o.sunset_hours") }}
                and coalesce(w.since, p.first_seen_at) < {{ ago("o.new_hours") }}
                then 'sunset'
        end as failed,
        cast(null as {{ dbt.type_string() }}) as deferred,
        cast(s.engaged_at as {{ dbt.type_string() }}) as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    left join segments as s on c.person_id = s.person_id
    left join people as p on c.person_id = p.person_id
    left join permission_now as w
        on c.address_node = w.address_node and c.channel = w.channel and c.purpose = w.purpose
    cross join policy as o
)

select * from final
