{% set programme = "campaign_response" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

answers as (
    select * from {{ ref("int_campaign_answers") }}
),

-- The wait restarts with each answer.
due as (
    select
        a.*,
        s.step,
        {{ expires("a.last_at", "s") }} as expires_at
    from answers as a
    cross join steps as s
    where {{ is_due("a.last_at", "s") }}
),

bought as (
    select
        d.person_id,
        d.campaign_id,
        min(v.occurred_at) as bought_at
    from due as d
    inner join {{ ref("people_nodes") }} as n on d.person_id = n.person_id
    inner join {{ ref("conversions") }} as v on n.node_id = v.node_id
    where v.goal = 'buy' and v.occurred_at > d.first_at and v.occurred_at <= {{ as_of() }}
    group by d.person_id, d.campaign_id
),

offers as (
    select
        d.person_id,
        d.campaign_id,
        {{ ordered_list("r.name", "case when r.category = d.category then 0 else 1 end, r.rank", most=3) }} as names
    from due as d
    inner join {{ ref("recommendations") }} as r on d.person_id = r.person_id
    where r.kind = 'new'
    group by d.person_id, d.campaign_id
),

final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        d.campaign_id as occasion,
        d.person_id as subject,
        d.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        case
            when {{ percentile_of(["d.person_id", "d.campaign_id", "'response'"]) }} < 50 then 'a' else 'b'
        end as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        d.last_at as occurred_at,
        d.expires_at,
        cast(coalesce(i.probability, 0) as numeric(18, 6)) as value,
        cast(null as {{ dbt.type_string() }}) as currency,
        b.bought_at is null and o.names is not null as context_ok,
        case
            when b.bought_at is not null then 'goal_reached'
            when o.names is null then 'nothing_to_offer'
        end as context_reason,
        d.category as topic,
        d.message_key as stimulus_message_key,
        {{ json_text({
            "subject": "'Was it what you were looking for?'",
            "fact": "concat('You answered our message', case when d.subject is null then '' else concat(': ', d.subject) end, '.')",
            "items": "o.names",
            "text": "'If something else would suit you better, these might.'",
        }) }} as content,
        {{ json_text({
            "campaign_id": "d.campaign_id", "how": "d.how",
            "first_answered_at": "cast(d.first_at as " ~ dbt.type_string() ~ ")",
            "last_answered_at": "cast(d.last_at as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from due as d
    left join bought as b on d.person_id = b.person_id and d.campaign_id = b.campaign_id
    left join offers as o on d.person_id = o.person_id and d.campaign_id = o.campaign_id
    left join {{ ref("intent_scores") }} as i on d.person_id = i.person_id and i.goal = 'buy'
)

select * from final
