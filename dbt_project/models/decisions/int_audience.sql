with

candidates as (
    select * from {{ ref("candidates") }}
),

decisions as (
    select * from {{ ref("decisions") }}
    where verdict in ('send', 'hold')
),

addresses as (
    select * from {{ ref("int_addresses") }}
),

languages as (
    select * from {{ ref("int_person_languages") }}
),

-- When a person may be called, as gate 8 has it; people of countries without rules have those of ZZ.
hours as (
    select
        p.person_id,
        concat(
            lpad(cast(r.call_from_hour as {{ dbt.type_string() }}), 2, '0'), ':00 to ',
            lpad(cast(r.call_until_hour as {{ dbt.type_string() }}), 2, '0'), ':00 ', p.time_zone, ', ',
            case r.call_weekdays
                when '12345' then 'Monday to Friday'
                when '12347' then 'Sunday to Thursday'
                else concat('days of the week ', r.call_weekdays)
            end,
            ', no public holidays'
        ) as contact_hours
    from {{ ref("people") }} as p
    left join {{ ref("country_rules") }} as k on p.country = k.country
    inner join {{ ref("country_rules") }} as r on coalesce(k.country, 'ZZ') = r.country
),

programmes as (
    select * from {{ ref("programmes") }}
),

-- Two persons may meet in one message key (an occasion of both before they merged): one message.
ranked as (
    select
        c.*,
        d.verdict,
        g.goal,
        case when c.kind = 'triggered' then {{ typed_json("c.evidence", {"product_key": "text"}) }} end as told,
        a.address,
        l.language,
        case when c.channel = 'call' then h.contact_hours end as contact_hours,
        row_number() over (partition by c.message_key order by c.candidate_key) as rank
    from candidates as c
    inner join decisions as d on c.candidate_key = d.candidate_key
    inner join addresses as a on c.address_node = a.address_node
    left join programmes as g on c.programme = g.programme
    left join languages as l on c.person_id = l.person_id
    left join hours as h on c.person_id = h.person_id
),

final as (
    select
        message_key,
        address,
        address_node,
        person_id,
        programme,
        campaign_id,
        occasion,
        step,
        variant,
        channel,
        purpose,
        kind,
        destination,
        verdict,
        language,
        contact_hours,
        -- What the ledger compares with what becomes known before it is sent.
        goal,
        account_id,
        told.product_key,
        occurred_at,
        as_of as send_after,
        expires_at,
        content,
        evidence,
        as_of as planned_as_of
    from ranked
    where rank = 1
)

select * from final
