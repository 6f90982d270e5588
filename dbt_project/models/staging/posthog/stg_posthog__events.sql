{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set unknown = ["response_id", "proof", "channel", "purpose", "state", "legal_basis"] %}
{% set lowered = ["topic", "answer", "outcome"] %}
{# A group may be anything (a project, an instance): those of these types are companies. #}
{% set companies = ["company", "organization", "organisation", "account"] %}
{% set person = {"email": "text", "phone": "text"} %}
{% set groups = {} %}
{% for type in companies %}{% do groups.update({type: "text"}) %}{% endfor %}
{% set fields = {
    "uuid": "text", "event": "text", "distinct_id": "text", "timestamp": "text", "offset": "text", "sent_at": "text",
    "created_at": "text", "receivedAt": "text", "$set": person,
    "properties": {
        "distinct_id": "text", "alias": "text", "$device_id": "text", "$user_id": "text", "$anon_distinct_id": "text",
        "$is_identified": "text", "$process_person_profile": "text", "$current_url": "text", "$raw_user_agent": "text", "$browser_language": "text",
        "$timezone": "text", "$set": person, "email": "text", "phone": "text", "product_id": "text", "sku": "text",
        "cart_id": "text", "order_id": "text", "price": "text", "quantity": "text", "total": "text", "revenue": "text",
        "value": "text", "currency": "text", "category": "text", "query": "text", "title": "text", "utm_campaign": "text",
        "download_id": "text", "content_id": "text", "topic": "text", "answer": "text", "outcome": "text", "rating": "text",
        "comment": "text", "review_body": "text", "$groups": groups, "$group_type": "text", "$group_key": "text",
    },
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("posthog", "events") }} as lake
),

named as (
    select
        *,
        j.properties as p,
        {{ event_name("j.event") }} as event,
        nullif(trim(coalesce(j.distinct_id, j.properties.distinct_id)), '') as distinct_id,
        {{ field_named("j.properties", "$device_id") }} as device_id,
        {{ field_named("j.properties", "$user_id") }} as known_user_id,
        {{ field_named("j.properties", "$anon_distinct_id") }} as earlier_id,
        coalesce(
            {{ to_bool(field_named("j.properties", "$is_identified")) }},
            {{ to_bool(field_named("j.properties", "$process_person_profile")) }}
        ) as is_identified,
        {{ field_named("j.properties", "$current_url") }} as page_url,
        {{ field_named("j.properties", "$groups") }} as in_groups,
        {{ field_named("j.properties", "$group_type") }} as group_type,
        {{ field_named("j.properties", "$group_key") }} as group_key,
        {{ field_named("j", "$set") }} as person,
        {{ field_named("j.properties", "$set") }} as person_too,
        upper(j.properties.currency) as currency,
        {{ to_utc("j.sent_at") }} as sent_at,
        coalesce({{ arrived_at("j.receivedAt") }}, {{ arrived_at("j.created_at") }}) as received_at
    from records
),

-- The distinct id is the device's until somebody identifies, the person's from then on; a server
-- tells no device. An alias joins the two.
read as (
    select
        *,
        case
            when event = 'Aliased' then distinct_id
            else coalesce(earlier_id, device_id, case when not is_identified then distinct_id end)
        end as anonymous_id,
        case
            when event = 'Aliased' then p.alias
            when coalesce(is_identified, true) then coalesce(known_user_id, nullif(distinct_id, device_id))
            else known_user_id
        end as user_id,
        coalesce(
            {{ to_utc("j.timestamp") }},
            {{ from_millis(to_millis("sent_at") ~ " - " ~ to_int("j.offset")) }}
        ) as told_at
    from named
),

clocked as (
    select
        *,
        {{ happened_at("told_at", "sent_at", "received_at", "told_at") }} as occurred_at
    from read
),

judged as (
    select
        *,
        {{ first_reason([
            ["j is null", "not a JSON object"],
            ["event is null", "event is missing"],
            ["anonymous_id is null and user_id is null", "distinct_id is missing"],
            ["coalesce(received_at, told_at) is null", "it has no time"],
            ["occurred_at < cast('2000-01-01' as " ~ dbt.type_timestamp() ~ ")", "it lies before the year 2000"],
        ]) }} as reject_reason
    from clocked
),

final as (
    select
        {{ lake_columns() }},
        coalesce(nullif(trim(j.uuid), ''), record_key) as message_id,
        'track' as event_type,
        event,
        anonymous_id,
        user_id,
        occurred_at,
        {{ day_of("occurred_at") }} as occurred_on,
        coalesce(received_at, occurred_at) as received_at,
        nullif(p.cart_id, '') as cart_id,
        nullif(p.order_id, '') as order_id,
        {{ to_minor("p.price", "currency") }} as price_minor,
        {{ to_int("p.quantity") }} as quantity,
        {{ to_minor("coalesce(p.total, p.revenue, p.value)", "currency") }} as value_minor,
        currency,
        nullif(trim(coalesce(person.email, person_too.email, p.email)), '') as email_raw,
        nullif(trim(coalesce(person.phone, person_too.phone, p.phone)), '') as phone_raw,
        coalesce(nullif(p.product_id, ''), p.sku) as product_id,
        p.download_id as download_id,
        p.content_id as content_id,
        p.title as title,
        lower(p.category) as category,
        {% for name in lowered %}
        lower(p.{{ name }}) as {{ name }},
        {% endfor %}
        cast(null as boolean) as is_confirmed,
        {{ to_int("p.rating") }} as rating,
        nullif(trim(coalesce(p.comment, p.review_body)), '') as comment,
        coalesce(
            {% for type in companies %}
            case when group_type = '{{ type }}' then group_key end,
            in_groups.{{ type }}{{ "," if not loop.last }}
            {% endfor %}
        ) as group_id,
        {% for name in unknown %}
        cast(null as {{ dbt.type_string() }}) as {{ name }},
        {% endfor %}
        p.query as search_query,
        {{ field_named("p", "$timezone") }} as time_zone,
        {{ field_named("p", "$browser_language") }} as locale,
        {{ field_named("p", "$raw_user_agent") }} as user_agent,
        {{ page_of("page_url") }} as url,
        coalesce(nullif(p.utm_campaign, ''), {{ campaign_of("page_url") }}) as campaign,
        false as is_revisable,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
