{{ config(
    materialized=by_key(), incremental_strategy="delete+insert", unique_key="node_id",
    pre_hook="{{ clear_if_from_scratch() }}",
) }}
{% set is_whole = identity_from_scratch() %}
{% set touched = "(select t.node_id from " ~ ref("int_identity_touched") ~ " as t)" %}
{% set is_read = "%s_id is not null" if is_whole else "%s_id in " ~ touched %}

with

limits as (
    select * from {{ ref("identity_limits") }}
),

-- Both directions, so that a limit can be asked of either end.
directed as (
    {% for node, other in [("node", "other"), ("other", "node")] %}
    select
        source_id,
        {{ node }}_id as node_id,
        {{ node }}_type as node_type,
        {{ other }}_id as other_id,
        {{ other }}_type as other_type,
        known_at
    from {{ ref("int_identity_links") }}
    where other_id is not null and {{ is_read | format(node) }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- Within one source: what one shop calls two accounts, two shops call four.
counted as (
    select
        source_id,
        node_id,
        node_type,
        other_type,
        count(*) as links
    from directed
    group by source_id, node_id, node_type, other_type
),

over_limit as (
    select
        c.*,
        l.max_links
    from counted as c
    inner join limits as l on c.node_type = l.node_type and c.other_type = l.other_type
    where c.links > l.max_links
),

-- The one too many says since when.
numbered as (
    select
        o.*,
        d.known_at,
        row_number() over (
            partition by o.source_id, o.node_id, o.other_type
            order by d.known_at, d.other_id
        ) as link_no
    from over_limit as o
    inner join directed as d
        on o.source_id = d.source_id and o.node_id = d.node_id and o.other_type = d.other_type
),

final as (
    select
        node_id,
        other_type,
        min(node_type) as node_type,
        max(links) as links,
        min(known_at) as shared_at
    from numbered
    where link_no = max_links + 1
    group by node_id, other_type
)

select * from final
