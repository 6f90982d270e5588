{{ config(
    materialized=by_key(), incremental_strategy="delete+insert", unique_key="link_key",
    pre_hook="{{ clear_if_from_scratch() }}",
) }}
{% set is_whole = identity_from_scratch() %}

with

sightings as (
    select
        {{ key(["source_id", "node_id", "other_id"]) }} as link_key,
        source_id,
        node_type,
        node_id,
        other_type,
        other_id,
        first_seen_at,
        last_seen_at,
        known_at
    from {{ ref("int_identity_sightings") }}
    {% if not is_whole %}where {{ in_days("landed_on", fresh_days()) }}{% endif %}
),

-- What a link was before stays: a day's sightings only widen it.
links as (
    select * from sightings
    {% if not is_whole %}
    union all
    select * from {{ this }}
    where link_key in (select s.link_key from sightings as s)
    {% endif %}
),

final as (
    select
        link_key,
        source_id,
        node_type,
        node_id,
        other_type,
        other_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(known_at) as known_at
    from links
    group by link_key, source_id, node_type, node_id, other_type, other_id
)

select * from final
