{% set programme = "benefit_by_stage" %}

with

campaign_people as (
    select * from {{ ref("int_campaign_people") }}
    where programme = '{{ programme }}'
),

stages as (
    select * from {{ ref("int_stages") }}
    where stage in ('unaware', 'aware', 'considering')
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

signs as (
    select
        person_id,
        max(occurred_at) as seen_at,
        max_by(topic, {{ moment_key("occurred_at", "decision_sign_key") }})
        filter (where topic is not null) as topic,
        max_by(title, {{ moment_key("occurred_at", "decision_sign_key") }})
        filter (where title is not null) as title
    from {{ ref("int_decision_signs") }}
    group by person_id
),

-- Who allowed it where people enrol: some of them were never seen there.
allowed as (
    select
        n.person_id,
        max(p.valid_from) as allowed_at
    from {{ ref("permissions") }} as p
    inner join nodes as n on p.node_id = n.node_id
    inner join {{ ref("int_enrolling_sources") }} as o on p.source_id = o.source_id
    where p.purpose = 'marketing' and p.state = 'granted' and p.valid_from <= {{ as_of() }}
    group by n.person_id
),

known as (
    select
        c.*,
        t.stage,
        s.topic,
        s.seen_at,
        a.allowed_at,
        case
            when s.title is not null then concat('You asked for ', s.title, '.')
            when s.seen_at is not null
                then concat('You visited us on ', cast({{ day_of("s.seen_at") }} as {{ dbt.type_string() }}), '.')
            else 'You asked to hear from us.'
        end as fact
    from campaign_people as c
    inner join stages as t on c.person_id = t.person_id
    left join signs as s on c.person_id = s.person_id
    left join allowed as a on c.person_id = a.person_id
    where s.person_id is not null or a.person_id is not null
),

-- Who does not know it is told what it is; who considers it, what it does for them.
final as (
    select
        '{{ programme }}' as programme,
        k.person_id,
        k.campaign_id as occasion,
        k.person_id as subject,
        k.step,
        k.campaign_id,
        k.variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        k.starts_at as occurred_at,
        k.ends_at as expires_at,
        k.value,
        cast(null as {{ dbt.type_string() }}) as currency,
        true as context_ok,
        cast(null as {{ dbt.type_string() }}) as context_reason,
        coalesce(k.category, k.topic) as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "k.subject", "fact": "k.fact",
            "text": "concat(case when k.text is null then '' else concat(k.text, ' ') end, case "
                ~ "when k.stage = 'considering' and k.variant = 'a' then 'What you would use from the first week on, step by step.' "
                ~ "when k.stage = 'considering' then 'What those who decided for it do differently since then.' "
                ~ "when k.variant = 'a' then 'What it is and whom it is for, in two minutes.' "
                ~ "else 'Three questions that it answers.' end)",
        }) }} as content,
        {{ json_text({
            "stage": "k.stage", "seen_at": "cast(k.seen_at as " ~ dbt.type_string() ~ ")",
            "allowed_at": "cast(k.allowed_at as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from known as k
)

select * from final
