{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on",
    pre_hook=["{{ clear_if_from_scratch() }}", "{{ clear_days('landed_on', fresh_days() if is_incremental() else []) }}"],
) }}
{% set is_whole = identity_from_scratch() %}
{% set is_read = "1 = 1" if is_whole else in_days("landed_on", fresh_days()) %}
{# Kind of record, when it says that its identifiers were seen first and last, and which it has. #}
{% set seen_in = [
    ("int_customer_versions", "created_at", "created_at", ["customer_id", "loyalty_card", "email_raw", "phone_raw"]),
    ("int_order_versions", "ordered_at", "ordered_at", ["customer_id", "loyalty_card", "email_raw", "phone_raw"]),
    ("int_cart_versions", "coalesce(started_at, changed_at)", "coalesce(changed_at, landed_at)", ["customer_id", "email_raw"]),
    ("int_consent_versions", "coalesce(given_at, landed_at)", "coalesce(given_at, landed_at)", ["customer_id", "email_raw", "phone_raw"]),
    ("int_event_versions", "occurred_at", "occurred_at", ["anonymous_id", "user_id", "email_raw", "phone_raw"]),
] %}
{% set ids = ["device", "user_id", "loyalty_card", "email", "phone"] %}
{% set columns = {
    "device": ["anonymous_id"], "user_id": ["user_id", "customer_id"], "loyalty_card": ["loyalty_card"],
    "email": ["email_raw"], "phone": ["phone_raw"],
} %}

with

-- Every version counts: what a record said once stays evidence. Each combination once a day.
{% for relation, first_at, last_at, has in seen_in %}
{{ relation }}_seen as (
    select
        source_id,
        id_space,
        landed_on,
        {% for id in ids %}
        {{ columns[id] | select("in", has) | first | default("cast(null as " ~ dbt.type_string() ~ ")") }} as {{ id }},
        {% endfor %}
        min({{ first_at }}) as first_seen_at,
        max({{ last_at }}) as last_seen_at,
        min(landed_at) as known_at
    from {{ ref(relation) }}
    where op = 'upsert' and {{ is_read }} and not {{ is_bot("user_agent") if "anonymous_id" in has else "false" }}
    group by source_id, id_space, landed_on, {{ has | join(", ") }}
),

{% endfor %}
seen as (
    {% for relation, _, _, _ in seen_in %}
    select * from {{ relation }}_seen
    {{ "union all" if not loop.last }}
    {% endfor %}
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
    where node_id is not null
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
),

nodes as (
    select
        s.source_id,
        s.landed_on,
        s.first_seen_at,
        s.last_seen_at,
        s.known_at,
        {% for id, space in [("device", "s.source_id"), ("user_id", "s.id_space"), ("loyalty_card", "s.id_space")] %}
        {{ node(id, "case when b" ~ loop.index ~ ".value is null then s." ~ id ~ " end", space) }} as {{ id }},
        {% endfor %}
        e.node_id as email,
        p.node_id as phone
    from seen as s
    left join identifiers as e on s.email = e.raw_value and e.identifier_type = 'email'
    left join identifiers as p on s.phone = p.raw_value and p.identifier_type = 'phone'
    {% for id in ["device", "user_id", "loyalty_card"] %}
    left join blocked as b{{ loop.index }}
        on lower(s.{{ id }}) = b{{ loop.index }}.value and b{{ loop.index }}.identifier_type = '{{ id }}'
    {% endfor %}
),

erased as (
    select * from {{ ref("int_erased_nodes") }}
),

-- What was seen alone is a node too: its own link to nobody.
links as (
    {{ seen_together("nodes", ids, ["source_id", "landed_on"]) }}
),

-- Who was erased is nobody, and joins nobody to anybody.
final as (
    select l.*
    from links as l
    left join erased as e on l.node_id = e.node_id
    left join erased as o on l.other_id = o.node_id
    where e.node_id is null and o.node_id is null
)

select * from final
