{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{# Properties read as they are, in lower case, and those that another column needs. #}
{% set as_written = ["download_id", "content_id", "title", "response_id", "proof"] %}
{% set lowered = ["category", "topic", "answer", "channel", "purpose", "state", "legal_basis", "outcome"] %}
{% set needed = [
    "product_id", "sku", "cart_id", "order_id", "price", "quantity", "total", "revenue", "value", "currency", "email",
    "phone", "query", "url", "rating", "comment", "review_body", "is_confirmed",
] %}
{% set event_names = {
    "page": "Page Viewed", "screen": "Screen Viewed", "identify": "Identified", "alias": "Aliased",
    "group": "Grouped",
} %}
{% set properties = {} %}
{% for name in as_written + lowered + needed %}{% do properties.update({name: "text"}) %}{% endfor %}
{% set fields = {
    "type": "text", "event": "text", "messageId": "text", "anonymousId": "text", "userId": "text", "previousId": "text",
    "groupId": "text",
    "originalTimestamp": "text", "timestamp": "text", "sentAt": "text", "receivedAt": "text",
    "properties": properties,
    "traits": {"email": "text", "phone": "text"},
    "context": {
        "locale": "text", "timezone": "text", "userAgent": "text", "groupId": "text",
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

-- What a library sends has its time in timestamp; Segment moves that to originalTimestamp and
-- puts its own correction there. Events that a server sent have their page in properties alone.
read as (
    select
        *,
        nullif(trim(coalesce(j.anonymousId, case when j.type = 'alias' then j.previousId end)), '') as anonymous_id,
        nullif(trim(j.userId), '') as user_id,
        upper(j.properties.currency) as currency,
        -- The traits of a group are the company's: its email is no person's.
        case when j.type <> 'group' then j.traits end as traits,
        coalesce(j.context.page.url, case when j.type = 'page' then j.properties.url end) as page_url,
        {{ to_utc("coalesce(j.originalTimestamp, j.timestamp)") }} as original_at,
        {{ to_utc("coalesce(j.timestamp, j.originalTimestamp)") }} as stamped_at,
        {{ to_utc("j.sentAt") }} as sent_at,
        {{ arrived_at("j.receivedAt") }} as received_at
    from records
),

clocked as (
    select
        *,
        {{ happened_at("original_at", "sent_at", "received_at", "coalesce(stamped_at, original_at)") }} as occurred_at
    from read
),

judged as (
    select
        *,
        {{ first_reason([
            ["j is null", "not a JSON object"],
            ["coalesce(j.type, '') not in ('track', '" ~ event_names | join("', '") ~ "')", "type is not one of the Segment spec"],
            ["anonymous_id is null and user_id is null", "anonymousId and userId are both missing"],
            ["j.type = 'track' and j.event is null", "event is missing"],
            ["coalesce(received_at, stamped_at, original_at) is null", "it has no time"],
            ["occurred_at < cast('2000-01-01' as " ~ dbt.type_timestamp() ~ ")", "it lies before the year 2000"],
        ]) }} as reject_reason
    from clocked
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
        anonymous_id,
        user_id,
        occurred_at,
        {{ day_of("occurred_at") }} as occurred_on,
        coalesce(received_at, occurred_at) as received_at,
        nullif(j.properties.cart_id, '') as cart_id,
        nullif(j.properties.order_id, '') as order_id,
        {{ to_minor("j.properties.price", "currency") }} as price_minor,
        {{ to_int("j.properties.quantity") }} as quantity,
        {{ to_minor("coalesce(j.properties.total, j.properties.revenue, j.properties.value)", "currency") }}
            as value_minor,
        currency,
        nullif(trim(coalesce(traits.email, j.properties.email, j.context.traits.email)), '') as email_raw,
        nullif(trim(coalesce(traits.phone, j.properties.phone, j.context.traits.phone)), '') as phone_raw,
        coalesce(nullif(j.properties.product_id, ''), j.properties.sku) as product_id,
        {% for name in as_written %}
        j.properties.{{ name }} as {{ name }},
        {% endfor %}
        {% for name in lowered %}
        lower(j.properties.{{ name }}) as {{ name }},
        {% endfor %}
        {{ to_bool("j.properties.is_confirmed") }} as is_confirmed,
        {{ to_int("j.properties.rating") }} as rating,
        nullif(trim(coalesce(j.properties.comment, j.properties.review_body)), '') as comment,
        nullif(trim(coalesce(j.groupId, j.context.groupId)), '') as group_id,
        j.properties.query as search_query,
        j.context.timezone as time_zone,
        j.context.locale as locale,
        j.context.userAgent as user_agent,
        {{ page_of("page_url") }} as url,
        coalesce(j.context.campaign.name, {{ campaign_of("page_url") }}) as campaign,
        false as is_revisable,
        map_entries(j.context.consent.categoryPreferences) as choices,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
