{{ config(materialized="view") }}

with

pairs as (
    select * from {{ ref("int_identity_pairs") }}
),

-- Kept apart from what was seen together: empty unless it is asked for.
fuzzy as (
    select * from {{ ref("int_fuzzy_beliefs") }}
),

believed as (
    {% set columns = [
        "node_id", "other_id", "node_type", "other_type", "source_id", "first_seen_at", "last_seen_at", "known_at",
    ] %}
    select {{ columns | join(", ") }}
    from pairs
    where refusal is null
    union all
    select {{ columns | join(", ") }}
    from fuzzy
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
    from believed
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from final
