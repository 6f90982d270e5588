{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "ActivityId", "ActivityType", "ActivityDate", "ContactKey", "EmailAddress", "AssetId", "AssetName",
] %}
{% set fields = {} %}
{% for name in names %}{% do fields.update({name: "text"}) %}{% endfor %}
{% set texts_before = ["cart_id", "order_id"] %}
{% set texts_after = [
    "proof", "category", "topic", "answer", "channel", "purpose", "state", "legal_basis",
] %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("eloqua", "activities") }} as lake
),

-- Emails are feedback: of activities, forms alone are something that a person did by themselves.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j.ContactKey as user_id,
        nullif(trim(j.EmailAddress), '') as email_raw,
        nullif(j.AssetId, '') as content_id,
        nullif(trim(j.AssetName), '') as title,
        {{ to_utc("j.ActivityDate") }} as told_at
    from records
    where j.ActivityType = 'FormSubmit'
),

judged as (
    select
        *,
        least(told_at, landed_at) as occurred_at,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["user_id is null and email_raw is null", "it names nobody"],
            ["told_at is null", "it has no time"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        record_key as message_id,
        'track' as event_type,
        'Form Submitted' as event,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        user_id,
        occurred_at,
        {{ day_of("occurred_at") }} as occurred_on,
        occurred_at as received_at,
        {% for name in texts_before %}
        cast(null as {{ dbt.type_string() }}) as {{ name }},
        {% endfor %}
        cast(null as {{ dbt.type_bigint() }}) as price_minor,
        cast(null as {{ dbt.type_bigint() }}) as quantity,
        cast(null as {{ dbt.type_bigint() }}) as value_minor,
        cast(null as {{ dbt.type_string() }}) as currency,
        email_raw,
        cast(null as {{ dbt.type_string() }}) as phone_raw,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(null as {{ dbt.type_string() }}) as download_id,
        content_id,
        title,
        record_key as response_id,
        {% for name in texts_after %}
        cast(null as {{ dbt.type_string() }}) as {{ name }},
        {% endfor %}
        cast(null as boolean) as is_confirmed,
        cast(null as {{ dbt.type_string() }}) as outcome,
        cast(null as {{ dbt.type_bigint() }}) as rating,
        cast(null as {{ dbt.type_string() }}) as comment,
        cast(null as {{ dbt.type_string() }}) as group_id,
        cast(null as {{ dbt.type_string() }}) as search_query,
        cast(null as {{ dbt.type_string() }}) as time_zone,
        cast(null as {{ dbt.type_string() }}) as locale,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as campaign,
        false as is_revisable,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
