{{ config(schema="marts", contract={"enforced": true}) }}

with

audiences as (
    select * from {{ ref("audiences") }}
    where enabled
),

-- An audience without a segment is everyone.
chosen as (
    select
        a.audience,
        m.person_id
    from audiences as a
    inner join {{ ref("segment_members") }} as m on a.segment = m.segment
    union all
    select
        a.audience,
        p.person_id
    from audiences as a
    cross join {{ ref("people") }} as p
    where a.segment is null
),

policy as (
    select percent from {{ ref("contact_policy") }}
    where rule = 'global_holdout'
),

-- The holdout hears from no tool, or what is sent there could not be told from what is not.
people as (
    select p.*
    from {{ ref("people") }} as p
    cross join policy as o
    left join {{ ref("int_unhappy") }} as u on p.person_id = u.person_id
    where
        not p.is_staff and not p.is_test and u.person_id is null
        and {{ percentile_of(["p.person_id", "'global_holdout'"]) }} >= o.percent
),

addresses as (
    select a.*
    from {{ ref("int_addresses") }} as a
    left join {{ ref("int_erased_nodes") }} as e on a.address_node = e.node_id
    where a.is_valid and a.address_type = 'email' and e.node_id is null
),

-- Who unsubscribed may have come back since; of all else, one word is enough.
granted as (
    select w.*
    from {{ ref("permission_now") }} as w
    left join {{ ref("int_suppressions") }} as s
        on w.address_node = s.address_node and (s.reason <> 'unsubscribed' or w.valid_from <= s.last_at)
    left join {{ ref("messages") }} as m on w.address_node = m.address_node and m.bounced_at < {{ as_of() }}
    where
        w.channel = 'email' and w.state = 'granted' and w.since <= {{ as_of() }}
        and s.address_node is null and m.address_node is null
),

-- One address of a person: of those that they allowed for good, the one that they allowed last.
ranked as (
    select
        a.audience,
        a.destination,
        a.purpose,
        d.address_node,
        d.address,
        c.person_id,
        row_number() over (
            partition by a.audience, c.person_id
            order by case when w.legal_basis = 'consent' then 1 else 2 end, w.valid_from desc, w.address_node asc
        ) as rank
    from audiences as a
    inner join chosen as c on a.audience = c.audience
    inner join people as p on c.person_id = p.person_id
    inner join {{ ref("people_nodes") }} as n on c.person_id = n.person_id
    inner join granted as w on n.node_id = w.address_node and a.purpose = w.purpose
    inner join addresses as d on n.node_id = d.address_node
    where w.legal_basis = 'consent' or (w.legal_basis = 'soft_opt_in' and a.similar_products)
),

final as (
    select
        r.audience,
        r.address_node,
        r.person_id,
        r.destination,
        r.purpose,
        r.address,
        f.properties,
        {{ as_of() }} as planned_as_of
    from ranked as r
    inner join {{ ref("int_audience_facts") }} as f on r.person_id = f.person_id
    where r.rank = 1
)

select * from final
