{% set programme = "meeting_invitation" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

decisions as (
    select * from {{ ref("int_decisions_under_way") }}
),

scores as (
    select * from {{ ref("intent_scores") }}
    where goal = 'enrol'
),

-- How the last call ended counts, not an earlier one.
calls as (
    select *
    from {{ ref("int_statements") }}
    where source = 'call' and call_result is not null and said_at <= {{ as_of() }}
    qualify row_number() over (partition by person_id order by said_at desc, said_key asc) = 1
),

occasions as (
    select
        person_id,
        said_key as occasion,
        said_key as subject,
        said_at as occurred_at,
        'call' as basis,
        case when has_topic then topic end as topic,
        cast(null as {{ dbt.type_timestamp() }}) as enrolled_at,
        1 as active_members
    from calls
    where call_result = 'interested'
    union all
    -- A company decides together as soon as a second of its people looks.
    select
        person_id,
        concat(account_id, '/', cast({{ day_of("began_at") }} as {{ dbt.type_string() }})) as occasion,
        account_id as subject,
        joined_at as occurred_at,
        'company' as basis,
        topic,
        enrolled_at,
        active_members
    from decisions
    where account_id is not null and active_members >= 2
),

due as (
    select
        o.*,
        s.step,
        {{ expires("o.occurred_at", "s") }} as expires_at
    from occasions as o
    cross join steps as s
    where {{ is_due("o.occurred_at", "s") }}
),

final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        d.occasion,
        d.subject,
        d.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        d.occurred_at,
        d.expires_at,
        cast(coalesce(i.probability, 0) as numeric(18, 6)) as value,
        cast(null as {{ dbt.type_string() }}) as currency,
        d.enrolled_at is null as context_ok,
        case when d.enrolled_at is not null then 'decided' end as context_reason,
        d.topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "'Shall we meet?'",
            "fact": "case d.basis when 'call' then 'You told us on the phone that you are interested.' "
                ~ "else 'Several of you have looked at what we offer.' end",
            "text": "'In half an hour we go through what matters to you, at a time of your choice.'",
        }) }} as content,
        {{ json_text({
            "basis": "d.basis", "occurred_at": "cast(d.occurred_at as " ~ dbt.type_string() ~ ")",
            "active_members": "d.active_members",
        }) }} as evidence
    from due as d
    left join scores as i on d.person_id = i.person_id
)

select * from final
