{{ config(
    materialized=by_key(), incremental_strategy="delete+insert", unique_key="node_id",
    pre_hook="{{ clear_if_from_scratch() }}",
) }}
{% set is_whole = identity_from_scratch() %}
{% set touched = "(select t.node_id from " ~ ref("int_identity_touched") ~ " as t)" %}
{% set is_read = "%s_id is not null" if is_whole else "%s_id in " ~ touched %}

with

ends as (
    {% for end in ["node", "other"] %}
    select
        {{ end }}_id as node_id,
        {{ end }}_type as node_type,
        first_seen_at,
        last_seen_at,
        known_at
    from {{ ref("int_identity_links") }}
    where {{ is_read | format(end) }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (
    select
        node_id,
        min(node_type) as node_type,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(known_at) as known_at
    from ends
    group by node_id
)

select * from final
