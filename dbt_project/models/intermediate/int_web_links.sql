{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="occurred_on",
    pre_hook="{{ clear_days('occurred_on', touched_days(ref('int_web_events'), 'occurred_on')) }}",
) }}
{% set days = touched_days(ref("int_web_events"), "occurred_on") %}

with

events as (
    select *
    from {{ ref("int_web_events") }}
    where {{ in_days("occurred_on", days) }} and not is_bot
),

-- A device or a user id alone is a node too: its own link to nobody.
links as (
    {% for node, type, other, other_type, alone in [
        ("device_node", "device", "user_node", "user_id", true),
        ("device_node", "device", "email_node", "email", false),
        ("user_node", "user_id", "email_node", "email", true),
        ("user_node", "user_id", "phone_node", "phone", false),
        ("email_node", "email", "phone_node", "phone", false),
    ] %}
    select
        source_id,
        occurred_on,
        '{{ type }}' as node_type,
        {{ node }} as node_id,
        '{{ other_type }}' as other_type,
        {{ other }} as other_id,
        occurred_at,
        landed_at
    from events
    where {{ node }} is not null
        {% if not alone %}and {{ other }} is not null{% endif %}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (
    select
        source_id,
        occurred_on,
        node_type,
        node_id,
        other_type,
        other_id,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at,
        min(landed_at) as known_at
    from links
    group by source_id, occurred_on, node_type, node_id, other_type, other_id
    {{ in_day_order("occurred_on") }}
)

select * from final
