{% set programme = "new_collection_by_affinity" %}

with

campaign_people as (
    select * from {{ ref("int_campaign_people") }}
    where programme = '{{ programme }}'
),

affinity as (
    select * from {{ ref("int_category_affinity") }}
    where affinity > 0
),

arrivals as (
    select * from {{ ref("int_campaign_arrivals") }}
),

-- One mail about the category that the person cares for most among those with something new.
ranked as (
    select
        k.campaign_id,
        k.category,
        k.arrivals,
        a.person_id,
        a.affinity,
        a.basis,
        m.fact,
        m.said_at,
        m.sentence,
        row_number() over (
            partition by k.campaign_id, a.person_id
            order by a.affinity desc, a.lines desc, k.category asc
        ) as rank
    from arrivals as k
    inner join affinity as a on k.category = a.category
    inner join {{ ref("int_remembered") }} as m on a.person_id = m.person_id and a.category = m.topic
    where k.rank = 1
),

offers as (
    select
        r.campaign_id,
        r.person_id,
        {{ ordered_list("a.name", "a.rank", most=3) }} as names
    from ranked as r
    inner join arrivals as a on r.campaign_id = a.campaign_id and r.category = a.category and a.rank <= 20
    left join {{ ref("int_unwanted_products") }} as o on r.person_id = o.person_id and a.product_key = o.product_key
    where r.rank = 1 and o.product_key is null
    group by r.campaign_id, r.person_id
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
        r.category as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "c.subject", "fact": "r.sentence", "items": "o.names", "likes": "m.likes",
        }) }} as content,
        {{ json_text({
            "category": "r.category", "affinity": "cast(r.affinity as " ~ dbt.type_string() ~ ")",
            "basis": "r.basis", "arrivals": "r.arrivals", "remembered": "r.fact",
            "remembered_at": "cast(r.said_at as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from campaign_people as c
    inner join ranked as r on c.campaign_id = r.campaign_id and c.person_id = r.person_id and r.rank = 1
    left join offers as o on c.campaign_id = o.campaign_id and c.person_id = o.person_id
    left join {{ ref("person_memory") }} as m on c.person_id = m.person_id
)

select * from final
