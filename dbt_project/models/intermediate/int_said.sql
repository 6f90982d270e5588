{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="occurred_on",
    pre_hook="{{ clear_days('occurred_on', touched_days(ref('int_web_events'), 'occurred_on')) }}",
) }}
{% set days = touched_days(ref("int_web_events"), "occurred_on") %}
{% set sources = {
    "Survey Answered": "survey", "Preference Updated": "preference", "Reply Received": "reply",
    "Call Completed": "call", "Product Reviewed": "review", "Products Searched": "search",
    "Content Downloaded": "download", "Meeting Completed": "meeting",
} %}
{# Choices that say that something is not as a person wants it. #}
{% set negative = [
    "not_interested", "not_by_email", "not_by_phone", "not_by_post", "unhappy", "dissatisfied", "complaint", "no",
] %}

with

events as (
    select *
    from {{ ref("int_web_events") }}
    where
        {{ in_days("occurred_on", days) }} and not is_bot
        and event in ('{{ sources | join("', '") }}')
),

read as (
    select
        *,
        {{ choice("answer") }} as choice,
        {{ choice("outcome") }} as call_result
    from events
),

-- Words of one's own stay in this table: what is made of it has choices, numbers, and words that many used.
final as (
    select
        event_key as said_key,
        source_id,
        id_space,
        coalesce(user_node, email_node, phone_node, device_node) as node_id,
        coalesce(user_node, email_node, phone_node) is not null as is_known,
        case event
            {% for event, source in sources.items() %}
            when '{{ event }}' then '{{ source }}'
            {% endfor %}
        end as source,
        product_id,
        case when topic = 'call' then 'phone' else nullif(trim(coalesce(topic, category)), '') end as topic,
        choice,
        call_result,
        rating,
        case
            when event = 'Products Searched' then {{ plain_words("search_query", 40) }}
            else {{ plain_words("coalesce(comment, case when choice is null then answer end)") }}
        end as words,
        title,
        coalesce(rating <= 2, false)
        {% for word in negative %}
        or '{{ word }}' in (coalesce(choice, ''), coalesce(call_result, ''))
        {% endfor %}
            as is_negative,
        occurred_at as said_at,
        occurred_on,
        landed_at as known_at
    from read
    {{ in_day_order("occurred_on") }}
)

select * from final
