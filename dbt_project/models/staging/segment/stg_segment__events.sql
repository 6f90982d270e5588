{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{# Properties read as they are, in lower case, and those that another column needs. #}
{% set as_written = ["product_id", "download_id", "content_id", "title", "response_id", "proof"] %}
{% set lowered = ["category", "topic", "answer", "channel", "purpose", "state", "legal_basis"] %}
{% set needed = [
    "cart_id", "order_id", "price", "quantity", "total", "value", "currency", "email", "phone", "query",
] %}
{% set event_names = {
    "page": "Page Viewed", "screen": "Screen Viewed", "identify": "Identified", "alias": "Aliased",
    "group": "Grouped",
} %}
{% set properties = {} %}
{% for name in as_written + lowered + needed %}{% do properties.update({name: "text"}) %}{% endfor %}
{% set fields = {
    "type": "text", "event": "text", "messageId": "text", "anonymousId": "text", "userId": "text",
    "originalTimestamp": "text", "timestamp": "text", "sentAt": "text", "receivedAt": "text",
    "properties": properties,
    "traits": {"email": "text", "phone": "text"},
    "context": {
        "locale": "text", "timezone": "text", "userAgent": "text",
        "page": {"url": "text"}, "campaign": {"name": "text"},
        "traits": {"email": "text", "phone": "text"}, "consent": {"categoryPreferences": "pairs"},
    },
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("segment", "events") }} as lake
),

clocked as (
    select
        *,
        {{ to_utc("j.originalTimestamp") }} as original_at,
        {{ to_utc("j.receivedAt") }} as received_at,
        {{ to_utc("j.timestamp") }} as stamped_at,
        {{ to_millis(to_utc("j.sentAt")) }} - {{ to_millis(to_utc("j.originalTimestamp")) }} as sent_after_millis
    from records
),

-- The client's clock may be wrong, the time between event and sending is not:
-- timestamp = receivedAt - (sentAt - originalTimestamp), as Segment documents.
corrected as (
    select
        *,
        least(
            coalesce(
                {{ from_millis(to_millis("received_at") ~ " - sent_after_millis") }},
                stamped_at, original_at, received_at
            ),
            coalesce(received_at, landed_at)
        ) as occurred_at
    from clocked
),

judged as (
    select
        *,
        {{ first_reason([
            ["j is null", "not a JSON object"],
            ["coalesce(j.type, '') not in ('track', '" ~ event_names | join("', '") ~ "')", "type is not one of the Segment spec"],
            ["j.anonymousId is null and j.userId is null", "anonymousId and userId are both missing"],
            ["j.type = 'track' and j.event is null", "event is missing"],
            ["coalesce(received_at, stamped_at, original_at) is null", "it has no time"],
            ["occurred_at < cast('2000-01-01' as " ~ dbt.type_timestamp() ~ ")", "it lies before the year 2000"],
        ]) }} as reject_reason
    from corrected
),

final as (
    select
        {{ lake_columns() }},
        coalesce(nullif(trim(j.messageId), ''), record_key) as message_id,
        j.type as event_type,
        case j.type
            {% for type, event in event_names.items() %}
            when '{{ type }}' then '{{ event }}'
            {% endfor %}
            else j.event
        end as event,
        nullif(trim(j.anonymousId), '') as anonymous_id,
        nullif(trim(j.userId), '') as user_id,
        occurred_at,
        {{ day_of("occurred_at") }} as occurred_on,
        received_at,
        nullif(j.properties.cart_id, '') as cart_id,
        nullif(j.properties.order_id, '') as order_id,
        {{ to_minor("j.properties.price") }} as price_minor,
        {{ to_int("j.properties.quantity") }} as quantity,
        {{ to_minor("coalesce(j.properties.total, j.properties.value)") }} as value_minor,
        upper(j.properties.currency) as currency,
        nullif(trim(coalesce(j.traits.email, j.properties.email, j.context.traits.email)), '') as email_raw,
        nullif(trim(coalesce(j.traits.phone, j.properties.phone, j.context.traits.phone)), '') as phone_raw,
        {% for name in as_written %}
        j.properties.{{ name }} as {{ name }},
        {% endfor %}
        {% for name in lowered %}
        lower(j.properties.{{ name }}) as {{ name }},
        {% endfor %}
        j.properties.query as search_query,
        j.context.timezone as time_zone,
        j.context.locale as locale,
        j.context.userAgent as user_agent,
        -- A query may hold anything, an address too; what it says of campaigns has its own field.
        split_part(split_part(j.context.page.url, '?', 1), '#', 1) as url,
        j.context.campaign.name as campaign,
        false as is_revisable,
        map_entries(j.context.consent.categoryPreferences) as choices,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
