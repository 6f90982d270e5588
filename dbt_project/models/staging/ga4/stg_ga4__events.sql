{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set params = [
    "page_location", "page_title", "ga_session_id", "currency", "value", "transaction_id", "search_term", "file_name",
    "link_url", "link_text", "campaign",
] %}
{% set values = ["string_value", "int_value", "double_value", "float_value"] %}
{% set value = {"string_value": "text", "int_value": "text", "double_value": "text", "float_value": "text"} %}
{% set columns = ["page_location", "page_title", "ga_session_id"] %}
{% set unknown = [
    "email_raw", "phone_raw", "response_id", "proof", "topic", "answer", "channel", "purpose", "state", "legal_basis",
    "outcome", "comment", "group_id", "time_zone", "user_agent",
] %}
{% set fields = {
    "event_name": "text", "event_timestamp": "text", "user_pseudo_id": "text", "client_id": "text", "user_id": "text",
    "event_params": [{"key": "text", "value": value}],
    "items": [{"item_id": "text", "item_category": "text", "price": "text", "quantity": "text"}],
    "ecommerce": {"transaction_id": "text", "purchase_revenue": "text", "refund_value": "text"},
    "collected_traffic_source": {"manual_campaign_name": "text"},
    "device": {"language": "text"},
} %}
{% for name in columns %}{% do fields.update({name: "text"}) %}{% endfor %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("ga4", "events") }} as lake
),

found as (
    select
        *,
        {% for name in params %}
        {{ field_where("j.event_params", "key", name, "value") }} as {{ name }}_param,
        {% endfor %}
        {{ from_micros("j.event_timestamp") }} as event_at
    from records
),

-- A parameter has its value in the field of its type; flat exports have some as columns.
read as (
    select
        *,
        {% for name in params %}
        coalesce(
            {% for type in values %}
            nullif({{ name }}_param.{{ type }}, ''),
            {% endfor %}
            {{ "j." ~ name if name in columns else "null" }}
        ) as {{ name }},
        {% endfor %}
        {{ event_name("j.event_name") }} as event,
        nullif(trim(coalesce(j.user_pseudo_id, j.client_id)), '') as anonymous_id,
        nullif(trim(j.user_id), '') as user_id,
        least(event_at, landed_at) as occurred_at,
        -- What the canonical spec has about one product is an event for each that GA4's is about.
        case
            when j.event_name in ('view_item', 'select_item', 'add_to_cart', 'remove_from_cart') then j.items
        end as items
    from found
),

judged as (
    select
        *,
        {{ first_reason([
            ["j is null", "not a JSON object"],
            ["event is null", "event_name is missing"],
            ["event_at is null", "event_timestamp is no number of microseconds"],
            ["event_at > " ~ after("landed_at", 1, "day"), "it lies in the future"],
            ["event_at < cast('2000-01-01' as " ~ dbt.type_timestamp() ~ ")", "it lies before the year 2000"],
            ["anonymous_id is null and user_id is null", "user_pseudo_id and user_id are both missing"],
        ]) }} as reject_reason
    from read
),

pieces as (
    select
        r.*,
        p.item,
        p.position
    from judged as r
    left join {{ exploded("judged", "items") }} as p
        on r.batch_id = p.batch_id and r.seq = p.seq and r.reject_reason is null
),

final as (
    select
        {{ lake_columns() }},
        case
            when position > 1 then concat(record_key, '.', cast(position as {{ dbt.type_string() }}))
            else record_key
        end as message_id,
        'track' as event_type,
        event,
        anonymous_id,
        user_id,
        occurred_at,
        {{ day_of("occurred_at") }} as occurred_on,
        occurred_at as received_at,
        case
            when
                event in (
                    'Product Added', 'Product Removed', 'Cart Viewed', 'Checkout Started', 'Checkout Step Completed',
                    'Payment Info Entered', 'Order Completed'
                )
                then concat(anonymous_id, '.', ga_session_id)
        end as cart_id,
        nullif(coalesce(transaction_id, j.ecommerce.transaction_id), '(not set)') as order_id,
        {{ to_minor("item.price", "currency") }} as price_minor,
        {{ to_int("item.quantity") }} as quantity,
        {{ to_minor("coalesce(value, j.ecommerce.purchase_revenue, j.ecommerce.refund_value)", "currency") }}
            as value_minor,
        upper(currency) as currency,
        item.item_id as product_id,
        {% for name in ["download_id", "content_id"] %}
        case when event = 'Content Downloaded' then coalesce(file_name, {{ page_of("link_url") }}) end as {{ name }},
        {% endfor %}
        case when event = 'Content Downloaded' then coalesce(link_text, file_name) else page_title end as title,
        lower(item.item_category) as category,
        {% for name in unknown %}
        cast(null as {{ dbt.type_string() }}) as {{ name }},
        {% endfor %}
        cast(null as boolean) as is_confirmed,
        cast(null as {{ dbt.type_bigint() }}) as rating,
        search_term as search_query,
        j.device.language as locale,
        {{ page_of("page_location") }} as url,
        -- (direct), (organic) and the like are no campaigns.
        coalesce(
            j.collected_traffic_source.manual_campaign_name,
            case when campaign not like '(%' then campaign end,
            {{ campaign_of("page_location") }}
        ) as campaign,
        true as is_revisable,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from pieces
)

select * from final
