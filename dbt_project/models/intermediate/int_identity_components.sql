{{ config(
    materialized=by_key(), incremental_strategy="delete+insert", unique_key="node_id",
    pre_hook="{{ clear_if_from_scratch() }}",
) }}
{% set edges = ref("int_identity_edges") %}
{% set touched = ref("int_identity_touched") %}
{# Where people are also told by their names, a batch may change any of those links. #}
{% set is_whole = identity_from_scratch() or var("fuzzy_identity", false) %}
{% set affected = touched if is_whole else affected_nodes(touched) %}
{% if not is_whole %}
{% set edges = "(select * from " ~ edges ~ " where node_id in (select a.node_id from " ~ affected ~ " as a))" %}
{% endif %}
{% set labels = component_labels(edges) %}

with

nodes as (
    select *
    from {{ ref("int_identity_nodes") }}
    {% if not is_whole %}where node_id in (select a.node_id from {{ affected }} as a){% endif %}
),

labels as (
    select * from {{ labels }}
),

labelled as (
    select
        n.*,
        coalesce(l.label, n.node_id) as component
    from nodes as n
    left join labels as l on n.node_id = l.node_id
),

-- Known first, then seen first: what arrives later never renames a person.
final as (
    select
        node_id,
        node_type,
        first_seen_at,
        last_seen_at,
        known_at,
        component,
        first_value(node_id) over (
            partition by component
            order by known_at, first_seen_at nulls last, node_id
            rows between unbounded preceding and unbounded following
        ) as first_node
    from labelled
)

select * from final
