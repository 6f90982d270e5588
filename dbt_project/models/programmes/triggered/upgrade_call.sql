{% set programme = "upgrade_call" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

scores as (
    select * from {{ ref("intent_scores") }}
    where goal = 'upgrade'
),

points as (
    select * from {{ ref("int_talking_points") }}
),

limits as (
    select
        e.event_key,
        e.title,
        e.occurred_at,
        n.person_id,
        coalesce(p.account_id, n.person_id) as unit_id
    from {{ ref("int_web_events") }} as e
    inner join {{ ref("people_nodes") }} as n on coalesce(e.user_node, e.device_node) = n.node_id
    inner join {{ ref("people") }} as p on n.person_id = p.person_id
    where e.event = 'Usage Limit Reached' and not e.is_bot and e.occurred_at <= {{ as_of() }}
),

-- The first after thirty days without one is the occasion; what follows it belongs to it.
marked as (
    select
        *,
        {{ begins("occurred_at", of="unit_id", tie="event_key", pause_days=30) }} as start_at
    from limits
),

begun as (
    select
        *,
        max(start_at) over (partition by unit_id) as began_at
    from marked
),

reached as (
    select
        person_id,
        unit_id,
        began_at,
        count(*) as times,
        max_by(title, {{ moment_key("occurred_at", "event_key") }}) as title
    from begun
    where occurred_at >= began_at
    group by person_id, unit_id, began_at
),

final as (
    select
        '{{ programme }}' as programme,
        r.person_id,
        concat(r.unit_id, '/', cast({{ day_of("r.began_at") }} as {{ dbt.type_string() }})) as occasion,
        r.unit_id as subject,
        s.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        r.began_at as occurred_at,
        {{ expires("r.began_at", "s") }} as expires_at,
        cast(coalesce(i.probability, 0) as numeric(18, 6)) as value,
        cast(null as {{ dbt.type_string() }}) as currency,
        true as context_ok,
        cast(null as {{ dbt.type_string() }}) as context_reason,
        cast(null as {{ dbt.type_string() }}) as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "'Your plan has become too small'",
            "fact": "concat('You reached the limit of your plan: ', coalesce(r.title, 'what it includes is used up'), '.')",
            "text": "'A larger plan goes on where this one stops; we tell you what changes and what it costs.'",
            "talking_points": "concat_ws('; ', concat('Limit: ', coalesce(r.title, 'reached'), ', times: ', cast(r.times as "
                ~ dbt.type_string() ~ ")), p.talking_points)",
        }) }} as content,
        {{ json_text({
            "began_at": "cast(r.began_at as " ~ dbt.type_string() ~ ")", "times": "r.times", "limit": "r.title",
        }) }} as evidence
    from reached as r
    cross join steps as s
    left join scores as i on r.person_id = i.person_id
    left join points as p on r.person_id = p.person_id
    where {{ is_due("r.began_at", "s") }}
)

select * from final
