{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "message_key", "run_id", "programme", "campaign_id", "occasion", "variant", "channel",
    "purpose", "kind", "person_id", "address_hash", "destination", "state", "refusal",
] %}
{% set moments = ["planned_as_of", "reserved_at", "accepted_at", "sent_at", "delivered_at"] %}
{% set fields = {"step": "text", "change_seq": "text"} %}
{% for name in names + moments %}{% do fields.update({name: "text"}) %}{% endfor %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("parley", "messages") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        {% for name in names %}
        nullif(j.{{ name }}, '') as {{ name }},
        {% endfor %}
        {% for name in moments %}
        {{ to_utc("j." ~ name) }} as {{ name }},
        {% endfor %}
        {{ to_int("j.step") }} as step,
        {{ to_int("j.change_seq") }} as change_seq
    from records
),

final as (
    select
        {{ lake_columns() }},
        {% for name in names + moments %}
        {{ name }},
        {% endfor %}
        step,
        change_seq,
        {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["message_key is null", "message_key is missing"],
        ]) }} as reject_reason,
        case when is_unreadable or message_key is null then payload end as payload
    from typed
)

select * from final
