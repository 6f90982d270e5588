{# How often: the answer, and after how many hours the next one may go. Half a day less than the time
   itself, so that a run which starts a little earlier than the last one does not lose a day. #}
{% set hours = {
    "daily": 12, "weekly": 156, "fortnightly": 324, "every_two_weeks": 324, "monthly": 660, "quarterly": 2004,
} %}

with

nodes as (
    select * from {{ ref("people_nodes") }}
),

stated as (
    select
        person_id,
        value as frequency,
        said_at
    from {{ ref("memory") }}
    where fact = 'frequency' and topic = 'newsletter' and is_current
),

consented as (
    select
        n.person_id,
        min(w.since) as since
    from {{ ref("permission_now") }} as w
    inner join nodes as n on w.address_node = n.node_id
    where
        w.channel = 'email' and w.purpose = 'marketing'
        and w.state = 'granted' and w.legal_basis = 'consent'
    group by n.person_id
),

sent as (
    select
        person_id,
        max(planned_as_of) as last_at
    from {{ ref("int_person_messages") }}
    where programme = 'newsletter' and counts
    group by person_id
),

-- Who said nothing of it, but allowed to be written to, gets the rarest that most shops send.
readers as (
    select
        coalesce(s.person_id, c.person_id) as person_id,
        coalesce(s.frequency, 'monthly') as frequency,
        case when s.person_id is null then 'consent' else 'said' end as basis,
        coalesce(s.said_at, c.since) as asked_at,
        case s.frequency
            {% for frequency, least in hours.items() %}
            when '{{ frequency }}' then {{ least }}
            {% endfor %}
            else {{ hours["monthly"] }}
        end as least_hours
    from stated as s
    full outer join consented as c on s.person_id = c.person_id
),

final as (
    select
        r.*,
        t.last_at,
        case
            when r.frequency in ('never', 'none', 'no', 'not_interested') then 'newsletter_not_wanted'
            when t.last_at > {{ ago("r.least_hours") }} then 'newsletter_not_due'
        end as context_reason
    from readers as r
    left join sent as t on r.person_id = t.person_id
)

select * from final
