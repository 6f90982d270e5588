{% set programme = "reactivation" %}

with

campaign_people as (
    select * from {{ ref("int_campaign_people") }}
    where programme = '{{ programme }}'
),

silent as (
    select
        e.*,
        p.first_seen_at
    from {{ ref("int_engagement") }} as e
    inner join {{ ref("people") }} as p on e.person_id = p.person_id
    where e.engagement in ('lapsing', 'dormant')
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

-- Who may not be written to cannot be asked whether to stay.
allowed as (
    select distinct n.person_id
    from {{ ref("permission_now") }} as w
    inner join nodes as n on w.address_node = n.node_id
    where w.channel = 'email' and w.purpose = 'marketing' and w.state = 'granted'
),

memory as (
    select * from {{ ref("person_memory") }}
),

final as (
    select
        '{{ programme }}' as programme,
        c.person_id,
        c.campaign_id as occasion,
        c.person_id as subject,
        c.step,
        c.campaign_id,
        c.variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        c.starts_at as occurred_at,
        c.ends_at as expires_at,
        c.value,
        cast(null as {{ dbt.type_string() }}) as currency,
        true as context_ok,
        cast(null as {{ dbt.type_string() }}) as context_reason,
        c.category as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "c.subject",
            "fact": "concat(case when s.engaged_at is null then 'We have had no word from you since ' "
                ~ "else 'You were last here on ' end, cast("
                ~ day_of("coalesce(s.engaged_at, s.first_seen_at)") ~ " as " ~ dbt.type_string() ~ "), '.')",
            "text": "concat(case when c.text is null then '' else concat(c.text, ' ') end, "
                ~ "'Do you want to stay on our list, or leave it? One click says which; without one we fall silent.')",
            "likes": "m.likes",
        }) }} as content,
        {{ json_text({
            "engagement": "s.engagement",
            "silent_since": "cast(coalesce(s.engaged_at, s.first_seen_at) as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from campaign_people as c
    inner join silent as s on c.person_id = s.person_id
    inner join allowed as a on c.person_id = a.person_id
    left join memory as m on c.person_id = m.person_id
)

select * from final
