{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "leadKey": "text", "activityDate": "text", "activityTypeId": "text", "primaryAttributeValueId": "text",
    "primaryAttributeValue": "text", "lead": {"email": "text"}, "attributes": [{"name": "text", "value": "text"}],
} %}
{# What other vendors' events say, and a filled form does not. #}
{% set texts = [
    "anonymous_id", "phone_raw", "cart_id", "order_id", "currency", "product_id", "download_id", "response_id", "proof",
    "category", "topic", "answer", "channel", "purpose", "state", "legal_basis", "outcome", "comment", "group_id",
    "search_query", "time_zone", "locale",
] %}
{% set numbers = ["price_minor", "quantity", "value_minor", "rating"] %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("marketo", "activities") }} as lake
),

-- What was typed into the form is in a notation of Marketo's own, and may be anything.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j.leadKey as user_id,
        j.primaryAttributeValueId as form_id,
        nullif(trim(j.primaryAttributeValue), '') as title,
        nullif(trim(j.lead.email), '') as email_raw,
        {{ field_where("j.attributes", "name", "Referrer URL", "value") }} as referrer,
        {{ field_where("j.attributes", "name", "User Agent", "value") }} as user_agent,
        {{ to_utc("replace(j.activityDate, '+0000', 'Z')") }} as occurred_at
    from records
    where j.activityTypeId = '2'
),

judged as (
    select
        *,
        {{ first_reason([
            ["occurred_at is null", "activityDate is no time"],
            ["user_id is null", "leadKey is missing"],
        ]) }} as reject_reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        record_key as message_id,
        'track' as event_type,
        'Form Submitted' as event,
        user_id,
        email_raw,
        form_id as content_id,
        title,
        nullif({{ page_of("referrer") }}, '') as url,
        {{ campaign_of("referrer") }} as campaign,
        user_agent,
        least(occurred_at, landed_at) as occurred_at,
        {{ day_of("least(occurred_at, landed_at)") }} as occurred_on,
        least(occurred_at, landed_at) as received_at,
        {% for name in texts %}
        cast(null as {{ dbt.type_string() }}) as {{ name }},
        {% endfor %}
        {% for name in numbers %}
        cast(null as {{ dbt.type_bigint() }}) as {{ name }},
        {% endfor %}
        cast(null as boolean) as is_confirmed,
        false as is_revisable,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
