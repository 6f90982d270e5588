{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set unknown = [
    "email_raw", "phone_raw", "download_id", "content_id", "response_id", "proof", "topic", "answer", "channel",
    "purpose", "state", "legal_basis", "outcome", "comment", "group_id",
] %}
{# Of Snowplow's ecommerce plugin: the event tells what was done, the contexts with what. #}
{% set shop = "com_snowplowanalytics_snowplow_ecommerce_" %}
{% set action = "unstruct_event_" ~ shop ~ "snowplow_ecommerce_action_1" %}
{% set products = "contexts_" ~ shop ~ "product_1" %}
{% set firsts = {"cart": "cart_1", "bought": "transaction_1", "refunded": "refund_1"} %}
{% set fields = {
    "event_id": "text", "event": "text", "event_name": "text", "user_id": "text", "domain_userid": "text",
    "network_userid": "text", "dvce_created_tstamp": "text", "dvce_sent_tstamp": "text", "true_tstamp": "text",
    "derived_tstamp": "text", "collector_tstamp": "text", "page_url": "text", "page_title": "text", "mkt_campaign": "text",
    "useragent": "text", "br_lang": "text", "os_timezone": "text", "se_action": "text", "tr_orderid": "text",
    "tr_total": "text", "tr_currency": "text",
    action: {"type": "text"},
    products: [{"id": "text", "category": "text", "price": "text", "currency": "text", "quantity": "text"}],
    "contexts_" ~ shop ~ "cart_1": [{"cart_id": "text", "total_value": "text", "currency": "text"}],
    "contexts_" ~ shop ~ "transaction_1": [{"transaction_id": "text", "revenue": "text", "currency": "text"}],
    "contexts_" ~ shop ~ "refund_1": [{"transaction_id": "text", "refund_amount": "text", "currency": "text"}],
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("snowplow", "events") }} as lake
),

named as (
    select
        *,
        j.{{ action }}.type as deed,
        case when j.event = 'struct' then j.se_action end as struct_action,
        {% for name, context in firsts.items() %}
        {{ first_of("j.contexts_" ~ shop ~ context) }} as {{ name }},
        {% endfor %}
        nullif(trim(coalesce(j.domain_userid, j.network_userid)), '') as anonymous_id,
        nullif(trim(j.user_id), '') as user_id,
        coalesce({{ to_utc("j.true_tstamp") }}, {{ to_utc("j.dvce_created_tstamp") }}) as told_at,
        {{ to_utc("j.dvce_sent_tstamp") }} as sent_at,
        {{ arrived_at("j.derived_tstamp") }} as derived_at,
        {{ arrived_at("j.collector_tstamp") }} as received_at
    from records
),

read as (
    select
        *,
        case
            when deed = 'list_view' then 'Product List Viewed'
            when deed = 'list_click' then 'Product Clicked'
            when 'transaction' in (deed, j.event_name, j.event) then 'Order Completed'
            else {{ event_name("coalesce(deed, struct_action, j.event_name, j.event)") }}
        end as event,
        case
            when deed in ('product_view', 'list_click', 'add_to_cart', 'remove_from_cart') then j.{{ products }}
        end as products,
        upper(coalesce(bought.currency, refunded.currency, cart.currency, j.tr_currency)) as currency,
        coalesce(
            derived_at, {{ happened_at("told_at", "sent_at", "received_at", "told_at") }}
        ) as occurred_at
    from named
),

judged as (
    select
        *,
        {{ first_reason([
            ["j is null", "not a JSON object"],
            ["event is null", "neither event nor event_name is there"],
            ["anonymous_id is null and user_id is null", "domain_userid and user_id are both missing"],
            ["coalesce(derived_at, received_at, told_at) is null", "it has no time"],
            ["occurred_at < cast('2000-01-01' as " ~ dbt.type_timestamp() ~ ")", "it lies before the year 2000"],
        ]) }} as reject_reason
    from read
),

pieces as (
    select
        r.*,
        p.item,
        p.position
    from judged as r
    left join {{ exploded("judged", "products") }} as p
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
        coalesce(received_at, occurred_at) as received_at,
        cart.cart_id as cart_id,
        coalesce(bought.transaction_id, refunded.transaction_id, j.tr_orderid) as order_id,
        {{ to_minor("item.price", "coalesce(item.currency, currency)") }} as price_minor,
        {{ to_int("item.quantity") }} as quantity,
        {{ to_minor("coalesce(bought.revenue, refunded.refund_amount, j.tr_total, cart.total_value)", "currency") }}
            as value_minor,
        coalesce(currency, upper(item.currency)) as currency,
        item.id as product_id,
        j.page_title as title,
        lower(item.category) as category,
        {% for name in unknown %}
        cast(null as {{ dbt.type_string() }}) as {{ name }},
        {% endfor %}
        cast(null as boolean) as is_confirmed,
        cast(null as {{ dbt.type_bigint() }}) as rating,
        cast(null as {{ dbt.type_string() }}) as search_query,
        j.os_timezone as time_zone,
        j.br_lang as locale,
        j.useragent as user_agent,
        {{ page_of("j.page_url") }} as url,
        coalesce(nullif(j.mkt_campaign, ''), {{ campaign_of("j.page_url") }}) as campaign,
        false as is_revisable,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from pieces
)

select * from final
