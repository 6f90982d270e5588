{# The name of an event in Segment's spec, from the one that another tracker gives it, however it is
   written (product_viewed, Product-Viewed, $pageview). An event that no spec knows keeps its own.
   What people say, where that spec has no name for it:
     Survey Answered      one answer: topic (a category, or email, phone, post), answer (interested,
                          not_interested, or other words), product_id, rating, comment, response_id
     Preference Updated   the same in the preference centre; topic frequency: daily, weekly, monthly
     Reply Received       a reply to a message: topic or product_id, answer, comment
     Call Completed       what came of a call: outcome (interested, not_interested, not_by_phone,
                          not_by_email, complaint, resolved, or other words), topic or product_id, answer, comment
     Permission Updated   channel, purpose, state, legal_basis, proof, is_confirmed (double opt-in)
     Unsubscribed         channel
   Of the spec: Product Reviewed (product_id, rating 1 to 5, review_body), Products Searched. #}
{% macro event_name(name) -%}
    {%- set names = {
        "$pageview": "Page Viewed", "pageview": "Page Viewed", "page_view": "Page Viewed",
        "$screen": "Screen Viewed", "screen_view": "Screen Viewed", "$identify": "Identified",
        "$set": "Identified", "$create_alias": "Aliased", "$merge_dangerously": "Aliased",
        "$groupidentify": "Grouped", "session_start": "Session Started",
        "search": "Products Searched", "site_search": "Products Searched",
        "view_search_results": "Products Searched", "view_item_list": "Product List Viewed",
        "select_item": "Product Clicked",
        "view_promotion": "Promotion Viewed", "promo_view": "Promotion Viewed",
        "select_promotion": "Promotion Clicked", "promo_click": "Promotion Clicked",
        "view_item": "Product Viewed", "product_view": "Product Viewed", "add_to_cart": "Product Added",
        "remove_from_cart": "Product Removed", "view_cart": "Cart Viewed",
        "begin_checkout": "Checkout Started", "checkout_step": "Checkout Step Completed",
        "add_shipping_info": "Checkout Step Completed", "add_payment_info": "Payment Info Entered",
        "purchase": "Order Completed", "refund": "Order Refunded",
        "add_to_wishlist": "Product Added to Wishlist", "file_download": "Content Downloaded",
    } -%}
    {%- for name in [
        "Page Viewed", "Screen Viewed", "Session Started", "Content Downloaded", "Products Searched",
        "Product List Viewed", "Product List Filtered", "Promotion Viewed", "Promotion Clicked",
        "Product Clicked", "Product Viewed", "Product Added", "Product Removed", "Cart Viewed",
        "Checkout Started", "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered",
        "Order Updated", "Order Completed", "Order Refunded", "Order Cancelled", "Coupon Entered",
        "Coupon Applied", "Coupon Denied", "Coupon Removed", "Product Added to Wishlist",
        "Product Removed from Wishlist", "Wishlist Product Added to Cart", "Product Shared",
        "Cart Shared", "Product Reviewed", "Survey Answered", "Preference Updated", "Reply Received",
        "Call Completed", "Permission Updated", "Unsubscribed",
    ] -%}
        {%- do names.update({name | lower | replace(" ", "_"): name}) -%}
    {%- endfor -%}
    case replace(replace(lower(trim({{ name }})), ' ', '_'), '-', '_')
        {%- for own, canonical in names.items() %}
        when '{{ own }}' then '{{ canonical }}'
        {%- endfor %}
        else nullif(trim({{ name }}), '')
    end
{%- endmacro %}

{# When an event happened, by the server's clock: the client's may be wrong, the time between event and
   sending is not (Segment: timestamp = receivedAt - (sentAt - originalTimestamp)). `told` is when it
   happened as far as is known without that. Nothing happened after it was received, or was landed. #}
{% macro happened_at(at, sent_at, received_at, told) -%}
    least(
        coalesce(
            {{ from_millis(to_millis(received_at) ~ " - (" ~ to_millis(sent_at) ~ " - " ~ to_millis(at) ~ ")") }},
            {{ told }}, {{ received_at }}
        ),
        {{ received_at }}, landed_at
    )
{%- endmacro %}

{# A time of arrival that can be true: not after the record was landed. #}
{% macro arrived_at(text) -%}
    case when {{ to_utc(text) }} <= landed_at then {{ to_utc(text) }} end
{%- endmacro %}

{# A page's address without its query, which may hold anything, an address too. #}
{% macro page_of(url) -%}
    split_part(split_part({{ url }}, '?', 1), '#', 1)
{%- endmacro %}

{# The campaign that a page's address names. #}
{% macro campaign_of(url) -%}
    nullif(replace(replace(split_part(split_part(split_part(
        concat('&', split_part({{ url }}, '?', 2)), '&utm_campaign=', 2
    ), '&', 1), '#', 1), '+', ' '), '%20', ' '), '')
{%- endmacro %}

{# Condition: the sender calls itself a robot. #}
{% macro is_bot(user_agent) -%}
    coalesce(lower({{ user_agent }}) like '%bot%' or lower({{ user_agent }}) like '%spider%', false)
{%- endmacro %}
