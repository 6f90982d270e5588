{% set programme = "content_download" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

downloads as (
    select
        *,
        coalesce(user_node, device_node) as node_id
    from {{ ref("int_web_events") }}
    where event = 'Content Downloaded' and not is_bot
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

due as (
    select
        d.*,
        n.person_id,
        s.step,
        {{ expires("d.occurred_at", "s") }} as expires_at
    from downloads as d
    inner join nodes as n on d.node_id = n.node_id
    cross join steps as s
    where
        {{ is_due("d.occurred_at", "s") }}
),

-- Requested once, sent once, however often the button was pressed.
ranked as (
    select
        *,
        row_number() over (
            partition by person_id, source_id, coalesce(download_id, event_key), step
            order by occurred_at, event_key
        ) as rank
    from due
),

final as (
    select
        '{{ programme }}' as programme,
        person_id,
        concat(source_id, '/', coalesce(download_id, event_key)) as occasion,
        {{ key(["source_id", "coalesce(download_id, event_key)", "coalesce(email_node, node_id)"]) }} as subject,
        step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        email_node as wanted_address_node,
        occurred_at,
        expires_at,
        cast(0 as numeric(18, 6)) as value,
        cast(null as {{ dbt.type_string() }}) as currency,
        true as context_ok,
        cast(null as {{ dbt.type_string() }}) as context_reason,
        topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "concat('Your download: ', coalesce(title, content_id))",
            "fact": "'You asked for this download.'",
            "content_id": "content_id",
            "title": "title",
        }) }} as content,
        {{ json_text({
            "content_id": "content_id",
            "downloaded_at": "cast(occurred_at as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from ranked
    where rank = 1
)

select * from final
