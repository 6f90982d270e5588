with

campaigns as (
    select * from {{ ref("campaigns") }}
    where enabled and starts_at <= {{ as_of() }} and ends_at > {{ as_of() }}
),

steps as (
    select * from {{ ref("int_programme_steps") }}
),

-- Visitors without an address are nobody's audience.
people as (
    select distinct n.person_id
    from {{ ref("people_nodes") }} as n
    inner join {{ ref("channels") }} as h on n.node_type = h.address_type
),

members as (
    select * from {{ ref("segment_members") }}
    where segment in (select c.audience from campaigns as c)
),

scores as (
    select * from {{ ref("response_scores") }}
),

-- A campaign without an audience is for everybody whom its programme finds.
reached as (
    select
        c.*,
        p.person_id
    from campaigns as c
    cross join people as p
    where c.audience is null
    union all
    select
        c.*,
        m.person_id
    from campaigns as c
    inner join members as m on c.audience = m.segment
),

final as (
    select
        r.campaign_id,
        r.person_id,
        s.step,
        r.programme,
        r.subject,
        r.text,
        r.category,
        r.leave_out,
        r.starts_at,
        r.ends_at,
        case
            when {{ percentile_of(["r.person_id", "r.campaign_id", "'variant'"]) }} < 50 then 'a' else 'b'
        end as variant,
        cast(coalesce(i.probability, 0) as numeric(18, 6)) as value
    from reached as r
    inner join steps as s on r.programme = s.programme
    left join scores as i on r.person_id = i.person_id and r.campaign_id = i.campaign_id
)

select * from final
