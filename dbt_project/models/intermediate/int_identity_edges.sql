{{ config(materialized="view") }}

with

pairs as (
    select * from {{ ref("int_identity_pairs") }}
),

cuts as (
    select * from {{ ref("int_identity_cuts") }}
),

-- Kept apart from what was seen together: empty unless it is asked for.
fuzzy as (
    select
        f.node_id,
        f.other_id,
        'user_id' as node_type,
        'user_id' as other_type,
        concat('fuzzy ', f.rule) as source_id,
        f.known_at as first_seen_at,
        f.known_at as last_seen_at,
        f.known_at
    from {{ ref("int_fuzzy_links") }} as f
    where
        not exists (
            select 1 from cuts as c
            where c.node_id = f.node_id and c.other_id = f.other_id
        )
        and not exists (
            select 1 from pairs as p
            where
                p.node_type = p.other_type
                and least(p.node_id, p.other_id) = f.node_id and greatest(p.node_id, p.other_id) = f.other_id
        )
),

believed as (
    {% set columns = [
        "node_id", "other_id", "node_type", "other_type", "source_id", "first_seen_at", "last_seen_at", "known_at",
    ] %}
    select {{ columns | join(", ") }}
    from pairs
    where refusal is null
    union all
    select {{ columns | join(", ") }} from fuzzy
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
