{# Which vendor gives which kinds of record: every model stg_<vendor>__<kind> is listed here, and
   only here. What follows staging reads the unions of a kind (int_order_versions, ...), so another
   vendor is a folder of staging models and its line in this list. #}
{% macro staged() -%}
    {{ return({
        "database": ["customers", "products", "orders", "order_lines", "consents", "carts", "cart_lines"],
        "eloqua": ["feedback", "contacts", "companies", "deals", "customers", "consents", "events"],
        "ga4": ["events"],
        "history": ["consents", "suppressions", "bounces", "sends", "events"],
        "hubspot": ["feedback", "contacts", "companies", "deals", "customers", "consents", "events"],
        "mailbox": ["feedback"],
        "marketo": ["customers", "consents", "events", "feedback", "contacts", "companies", "deals"],
        "parley": ["identifiers", "messages", "cuts", "erasures", "weights"],
        "posthog": ["events"],
        "segment": ["events", "choices"],
        "shopify": ["customers", "products", "orders", "order_lines", "consents", "carts", "cart_lines"],
        "snowplow": ["events"],
        "woocommerce": ["shops", "customers", "products", "orders", "order_lines", "consents"],
    }) }}
{%- endmacro %}

{# The columns of a kind, after those of the lake: all vendors give all of them, in these types. #}
{% macro columns_of(kind) -%}
    {{ return({
        "orders": [
            "order_id", "customer_id", "email_raw", "phone_raw", "loyalty_card", "channel", "store",
            "status", "currency", "amount_minor", "discount_minor", "refund_minor", "cart_id",
            "country", "ordered_at", "ordered_on",
        ],
        "order_lines": [
            "line_id", "order_id", "product_id", "quantity", "price_minor", "amount_minor",
            "currency", "is_nested",
        ],
        "customers": [
            "customer_id", "email_raw", "phone_raw", "country", "language", "time_zone",
            "loyalty_card", "is_staff", "is_test", "created_at", "first_name", "last_name", "born_on",
            "street", "postcode", "city", "company",
        ],
        "products": [
            "product_id", "name", "category", "price_minor", "currency", "in_stock", "created_at",
            "changed_at",
        ],
        "consents": [
            "consent_id", "customer_id", "email_raw", "phone_raw", "channel", "purpose", "state",
            "legal_basis", "proof", "given_at", "confirmed_at",
        ],
        "carts": [
            "cart_id", "customer_id", "email_raw", "status", "currency", "started_at", "changed_at",
        ],
        "cart_lines": [
            "line_id", "cart_id", "product_id", "quantity", "price_minor", "currency", "changed_at",
            "is_nested",
        ],
        "events": [
            "message_id", "event_type", "event", "anonymous_id", "user_id", "occurred_at",
            "occurred_on", "received_at", "cart_id", "order_id", "price_minor", "quantity",
            "value_minor", "currency", "email_raw", "phone_raw", "product_id", "download_id",
            "content_id", "title", "response_id", "proof", "category", "topic", "answer", "channel",
            "purpose", "state", "legal_basis", "is_confirmed", "outcome", "rating", "comment",
            "group_id", "search_query", "time_zone", "locale", "user_agent", "url", "campaign",
            "is_revisable",
        ],
        "shops": ["currency"],
        "choices": [
            "vendor", "message_id", "user_id", "email_raw", "field", "is_allowed", "occurred_at",
            "occurred_on",
        ],
        "suppressions": ["email_raw", "phone_raw", "reason", "suppressed_at"],
        "bounces": ["email_raw", "kind", "diagnostic", "bounced_at"],
        "feedback": [
            "message_key", "vendor_message_id", "email_raw", "phone_raw", "programme", "campaign_id",
            "channel", "kind", "is_hard", "is_machine", "url", "reason", "occurred_at", "occurred_on",
        ],
        "contacts": [
            "contact_id", "email_raw", "phone_raw", "company_id", "lifecycle_stage", "owner",
            "created_at", "changed_at",
        ],
        "companies": [
            "company_id", "name", "domain", "lifecycle_stage", "owner", "created_at", "changed_at",
        ],
        "deals": [
            "deal_id", "company_id", "contact_id", "name", "pipeline", "stage", "is_won", "is_closed",
            "amount_minor", "currency", "owner", "created_at", "changed_at", "closed_on",
        ],
        "sends": [
            "email_raw", "phone_raw", "channel", "purpose", "programme", "campaign_id", "occasion",
            "step", "subject", "sent_at",
        ],
    }[kind]) }}
{%- endmacro %}

{# A column's type, as its name tells it. #}
{% macro type_of(column) -%}
    {%- if column.endswith("_at") -%}{{ dbt.type_timestamp() }}
    {%- elif column.endswith("_on") -%}date
    {%- elif column.endswith("_minor") or column in ["quantity", "rating", "seq", "step"] -%}{{ dbt.type_bigint() }}
    {%- elif column.startswith("is_") or column == "in_stock" -%}boolean
    {%- else -%}{{ dbt.type_string() }}
    {%- endif -%}
{%- endmacro %}

{# What is staged here: of the vendors that this warehouse has batches of (`vendors`), all where nobody
   says. The others have no tables, and nothing to say. #}
{% macro staged_here() -%}
    {%- set here = {} -%}
    {%- for vendor, kinds in staged().items() -%}
        {# dbt must find every model that may be read while it parses. #}
        {%- if not execute or var("vendors", none) is none or vendor in var("vendors") -%}
            {%- do here.update({vendor: kinds}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(here) }}
{%- endmacro %}

{# Every readable record of a kind, of all vendors: a query. No row where no vendor gives it. #}
{% macro versions_of(kind) -%}
    {%- set columns = (lake_columns().split(",") | map("trim") | list) + columns_of(kind) -%}
    {%- set models = [] -%}
    {%- for vendor, kinds in staged_here().items() if kind in kinds -%}
        {%- do models.append("stg_" ~ vendor ~ "__" ~ kind) -%}
    {%- endfor -%}
    {%- for model in models %}
    select
        {{ columns | join(",\n        ") }}
    from {{ ref(model) }}
    where reject_reason is null
    {{ "union all" if not loop.last }}
    {%- else %}
    select
        {%- for column in columns %}
        cast(null as {{ type_of(column) }}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    where 1 = 0
    {%- endfor -%}
{%- endmacro %}
