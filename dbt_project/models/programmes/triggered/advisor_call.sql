{% set programme = "advisor_call" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

decisions as (
    select * from {{ ref("int_decisions_under_way") }}
    where stage in ('considering', 'deciding') or contents >= 2 or visits >= 3
),

points as (
    select * from {{ ref("int_talking_points") }}
),

-- One conversation at a time: where somebody of a company has an open deal, its owner speaks with them.
deals as (
    select
        unit_id,
        person_id
    from {{ ref("int_open_deals") }}
    where person_id is not null
    group by unit_id, person_id
),

busy as (
    select unit_id from deals
    group by unit_id
),

-- Nobody is called while they read: the wait restarts with each visit. The occasion is the decision,
-- from its first day, the same one for all of a company.
due as (
    select
        d.*,
        case
            when d.enrolled_at is not null then 'decided'
            when b.unit_id is not null and o.person_id is null then 'colleague_has_deal'
        end as context_reason,
        s.step,
        {{ expires("d.last_at", "s") }} as expires_at
    from decisions as d
    left join busy as b on d.unit_id = b.unit_id
    left join deals as o on d.unit_id = o.unit_id and d.person_id = o.person_id
    cross join steps as s
    where {{ is_due("d.last_at", "s") }}
),

final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        concat(d.unit_id, '/', cast({{ day_of("d.began_at") }} as {{ dbt.type_string() }})) as occasion,
        d.unit_id as subject,
        d.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        d.last_at as occurred_at,
        d.expires_at,
        cast(d.probability as numeric(18, 6)) as value,
        cast(null as {{ dbt.type_string() }}) as currency,
        d.context_reason is null as context_ok,
        d.context_reason,
        d.topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "'May we help you decide?'",
            "fact": "concat('You have looked into ', coalesce(replace(d.topic, '_', ' '), 'what we offer'), ' since ', "
                ~ "cast(" ~ day_of("d.began_at") ~ " as " ~ dbt.type_string() ~ "), '.')",
            "text": "'An adviser answers what is still open. Nothing is sold on the phone.'",
            "talking_points": "p.talking_points",
        }) }} as content,
        {{ json_text({
            "began_at": "cast(d.began_at as " ~ dbt.type_string() ~ ")",
            "last_at": "cast(d.last_at as " ~ dbt.type_string() ~ ")",
            "visits": "d.visits", "contents": "d.contents", "stage": "d.stage",
            "active_members": "d.active_members",
        }) }} as evidence
    from due as d
    left join points as p on d.person_id = p.person_id
)

select * from final
