{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "conversionId": "text", "submittedAt": "text", "email": "text", "formId": "text", "formName": "text", "pageUrl": "text",
} %}
{# What other events say, and a form that was filled in does not. #}
{% set texts = [
    "anonymous_id", "user_id", "cart_id", "order_id", "currency", "phone_raw", "product_id", "download_id", "proof",
    "category", "topic", "answer", "channel", "purpose", "state", "legal_basis", "outcome", "comment", "group_id",
    "search_query", "time_zone", "locale", "user_agent", "campaign",
] %}
{% set numbers = ["price_minor", "quantity", "value_minor", "rating"] %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("hubspot", "submissions") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        nullif(trim(j.email), '') as email_raw,
        j.conversionId as response_id,
        j.formId as content_id,
        nullif(trim(j.formName), '') as title,
        nullif({{ page_of("j.pageUrl") }}, '') as url,
        {{ from_millis(to_int("j.submittedAt")) }} as told_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["email_raw is null", "it names no email"],
            ["told_at is null", "submittedAt is no time"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        record_key as message_id,
        'track' as event_type,
        'Form Submitted' as event,
        email_raw,
        content_id,
        title,
        response_id,
        url,
        least(told_at, landed_at) as occurred_at,
        {{ day_of("least(told_at, landed_at)") }} as occurred_on,
        least(told_at, landed_at) as received_at,
        {% for name in texts %}
        cast(null as {{ dbt.type_string() }}) as {{ name }},
        {% endfor %}
        {% for name in numbers %}
        cast(null as {{ dbt.type_bigint() }}) as {{ name }},
        {% endfor %}
        cast(null as boolean) as is_confirmed,
        false as is_revisable,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
