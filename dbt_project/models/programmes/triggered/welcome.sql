{% set programme = "welcome" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

grants as (
    select * from {{ ref("int_permission_grants") }}
    where channel = 'email' and purpose = 'marketing' and state in ('granted', 'expired')
),

permission_now as (
    select * from {{ ref("permission_now") }}
    where channel = 'email' and purpose = 'marketing' and state = 'granted' and legal_basis = 'consent'
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

likes as (
    select
        person_id,
        {{ ordered_list("replace(topic, '_', ' ')", "said_at desc, topic desc", most=5) }} as names,
        max_by(topic, {{ moment_key("said_at", "topic") }}) as topic,
        max_by(sentence, {{ moment_key("said_at", "topic") }}) as sentence,
        max(said_at) as said_at
    from {{ ref("int_remembered") }}
    where kind = 'said'
    group by person_id
),

-- Whoever was written to before is not new, by whatever permission that was: the first of an address counts,
-- from when it was given, however late it is known.
firsts as (
    select *
    from grants
    qualify
        row_number() over (
            partition by node_id
            order by since asc, case legal_basis when 'consent' then 1 else 2 end, permission_key asc
        ) = 1
),

due as (
    select
        f.node_id,
        f.since,
        n.person_id,
        s.step,
        {{ expires("f.since", "s") }} as expires_at
    from firsts as f
    inner join permission_now as w on f.node_id = w.address_node
    inner join nodes as n on f.node_id = n.node_id
    cross join steps as s
    where
        f.legal_basis = 'consent'
        and {{ is_due("f.since", "s") }}
),

-- Once an address, ever: whoever withdraws and comes back knows us.
final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        concat('welcome/', d.node_id) as occasion,
        d.node_id as subject,
        d.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        d.node_id as wanted_address_node,
        d.since as occurred_at,
        d.expires_at,
        cast(0 as numeric(18, 6)) as value,
        cast(null as {{ dbt.type_string() }}) as currency,
        true as context_ok,
        cast(null as {{ dbt.type_string() }}) as context_reason,
        l.topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "'Welcome'",
            "fact": "concat('You allowed us to write to you by email.', "
                ~ "case when l.topic is null then '' else ' ' end, coalesce(l.sentence, ''))",
            "likes": "l.names",
            "text": "'You can choose what we write about, how often, or stop it, with the links below.'",
        }) }} as content,
        {{ json_text({
            "allowed_at": "cast(d.since as " ~ dbt.type_string() ~ ")",
            "liked_since": "cast(l.said_at as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from due as d
    left join likes as l on d.person_id = l.person_id
)

select * from final
