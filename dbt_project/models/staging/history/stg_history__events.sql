{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "problem": "text", "email": "text", "phone": "text", "channel": "text", "outcome": "text", "topic": "text",
    "comment": "text", "happened_at": "text",
} %}
{# What other vendors' events say, and a list of calls does not. #}
{% set texts = [
    "anonymous_id", "user_id", "cart_id", "order_id", "currency", "product_id", "download_id", "content_id", "title",
    "response_id", "proof", "category", "answer", "purpose", "state", "legal_basis", "group_id", "search_query",
    "time_zone", "locale", "user_agent", "url", "campaign",
] %}
{% set numbers = ["price_minor", "quantity", "value_minor", "rating"] %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("history", "outcomes") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.problem as problem,
        trim(j.email) as email_raw,
        trim(j.phone) as phone_raw,
        j.channel as channel,
        j.outcome as outcome,
        lower(j.topic) as topic,
        j.comment as comment,
        {{ to_utc("j.happened_at") }} as occurred_at
    from records
),

judged as (
    select
        *,
        coalesce(problem, {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["channel is null or channel not in ('call', 'meeting')", "channel is not call or meeting"],
            ["outcome is null", "outcome is missing"],
            ["email_raw is null and phone_raw is null", "it names no email"],
            ["occurred_at is null", "happened_at is missing"],
            ["occurred_at > landed_at", "happened_at lies after the import"],
        ]) }}) as reject_reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        record_key as message_id,
        'track' as event_type,
        case when channel = 'meeting' then 'Meeting Completed' else 'Call Completed' end as event,
        email_raw,
        phone_raw,
        channel,
        lower(outcome) as outcome,
        topic,
        comment,
        occurred_at,
        {{ day_of("occurred_at") }} as occurred_on,
        occurred_at as received_at,
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
