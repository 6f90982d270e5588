{% set programme = "seasonal_to_engaged" %}

with

campaign_people as (
    select * from {{ ref("int_campaign_people") }}
    where programme = '{{ programme }}'
),

engagement as (
    select * from {{ ref("int_engagement") }}
    where engagement = 'engaged'
),

offers as (
    select * from {{ ref("int_seasonal_offers") }}
),

remembered as (
    select * from {{ ref("int_remembered") }}
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
        o.names is not null as context_ok,
        case when o.names is null then 'nothing_to_offer' end as context_reason,
        c.category as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "c.subject",
            "fact": "case when k.sentence is not null then k.sentence "
                ~ "when e.engaged_at is not null then concat('You were here on ', cast("
                ~ day_of("e.engaged_at") ~ " as " ~ dbt.type_string() ~ "), '.') else 'You asked to hear from us.' end",
            "items": "o.names", "text": "c.text",
        }) }} as content,
        {{ json_text({
            "category": "c.category", "remembered": "k.fact",
            "engaged_at": "cast(e.engaged_at as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from campaign_people as c
    inner join engagement as e on c.person_id = e.person_id
    left join offers as o on c.campaign_id = o.campaign_id and c.person_id = o.person_id
    left join remembered as k on c.person_id = k.person_id and c.category = k.topic
)

select * from final
