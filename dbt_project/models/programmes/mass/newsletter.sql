{% set programme = "newsletter" %}

with

campaign_people as (
    select * from {{ ref("int_campaign_people") }}
    where programme = '{{ programme }}'
),

readers as (
    select * from {{ ref("int_newsletter_readers") }}
),

parts as (
    select * from {{ ref("int_newsletter_items") }}
),

items as (
    select
        person_id,
        {{ ordered_list("name", "place", most=3) }} as names,
        min_by(category, place) as category,
        min_by(basis, place) as basis
    from parts
    group by person_id
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
        r.context_reason is null and i.names is not null as context_ok,
        coalesce(r.context_reason, case when i.names is null then 'nothing_to_offer' end) as context_reason,
        coalesce(c.category, i.category) as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "c.subject",
            "fact": "concat(case r.basis when 'said' then concat('You asked for our newsletter: ', replace(r.frequency, '_', ' '), '.') "
                ~ "else 'You allowed us to write to you.' end, case when i.basis = 'said' then concat("
                ~ "' You told us that you like our ', replace(i.category, '_', ' '), ' range.') else '' end)",
            "items": "i.names", "text": "c.text",
        }) }} as content,
        {{ json_text({
            "frequency": "r.frequency", "basis": "r.basis", "category": "i.category", "category_basis": "i.basis",
            "asked_at": "cast(r.asked_at as " ~ dbt.type_string() ~ ")",
            "last_at": "cast(r.last_at as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from campaign_people as c
    inner join readers as r on c.person_id = r.person_id
    left join items as i on c.person_id = i.person_id
)

select * from final
