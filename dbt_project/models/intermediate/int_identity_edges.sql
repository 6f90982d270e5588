{{ config(materialized="view") }}

with

pairs as (
    select * from {{ ref("int_identity_pairs") }}
    where refusal is null
),

final as (
    {% for node, other in [("node", "other"), ("other", "node")] %}
    select
        {{ node }}_id as node_id,
        {{ other }}_id as other_id,
        {{ node }}_type as node_type,
        {{ other }}_type as other_type,
        source_id,
        first_seen_at,
        last_seen_at,
        known_at
    from pairs
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from final
