{% set programme = "content_nurture" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

beginnings as (
    select * from {{ ref("int_content_interests") }}
),

-- The delivery that it follows up.
delivered as (
    select
        occasion,
        max(message_key) as message_key
    from {{ ref("messages") }}
    where programme = 'content_download' and state = 'accepted'
    group by occasion
),

products as (
    select
        category,
        {{ ordered_list("name", "rank_in_category", most=3) }} as names
    from {{ ref("int_popular_products") }}
    where rank_in_category <= 3
    group by category
),

due as (
    select
        b.*,
        s.step,
        {{ expires("b.occurred_at", "s") }} as expires_at,
        case s.step when 1 then b.next_title when 2 then coalesce(p.names, b.next_titles) end as names
    from beginnings as b
    left join products as p on b.topic = p.category
    cross join steps as s
    where {{ is_due("b.occurred_at", "s") }}
),

-- Each step says another thing: have you read it, what did others do, shall we talk.
final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        d.occasion,
        d.subject,
        d.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        d.email_node as wanted_address_node,
        d.occurred_at,
        d.expires_at,
        cast(coalesce(i.probability, 0) as numeric(18, 6)) as value,
        cast(null as {{ dbt.type_string() }}) as currency,
        d.step <> 2 or d.names is not null as context_ok,
        case when d.step = 2 and d.names is null then 'nothing_to_offer' end as context_reason,
        d.topic,
        k.message_key as stimulus_message_key,
        {{ json_text({
            "subject": "case d.step when 1 then concat('Have you read it yet? ', d.title) "
                ~ "when 2 then 'What others did with it' else 'Shall we talk it over?' end",
            "fact": "concat('You asked for ', d.title, '.')",
            "items": "d.names",
            "text": "case d.step "
                ~ "when 1 then concat('Ten minutes are enough for the first part.', "
                ~ "case when d.names is null then '' else ' What comes next is below.' end) "
                ~ "when 2 then concat(case when d.readers > 1 then concat('Others who asked for it so far: ', cast(d.readers - 1 as "
                ~ dbt.type_string() ~ "), '. ') else '' end, 'This is what people went on to.') "
                ~ "else 'Tell us what is still open: answer this message, and somebody who knows replies.' end",
        }) }} as content,
        {{ json_text({
            "content_id": "d.content_id", "readers": "d.readers",
            "downloaded_at": "cast(d.occurred_at as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from due as d
    left join delivered as k on d.occasion = k.occasion
    left join {{ ref("intent_scores") }} as i on d.person_id = i.person_id and i.goal = 'enrol'
)

select * from final
