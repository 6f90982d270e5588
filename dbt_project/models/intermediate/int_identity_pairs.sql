{{ config(
    materialized=by_key(), incremental_strategy="delete+insert", unique_key=["node_id", "other_id"],
    pre_hook="{{ clear_if_from_scratch() }}",
) }}
{% set is_whole = identity_from_scratch() %}
{% set touched = "(select t.node_id from " ~ ref("int_identity_touched") ~ " as t)" %}
{% set columns = [
    "node_id", "other_id", "node_type", "other_type", "source_id", "first_seen_at", "last_seen_at", "known_at",
    "refusal", "shared_id",
] %}
{% set is_near = "(node_id in " ~ touched ~ " or other_id in " ~ touched ~ ")" %}

with

links as (
    select *
    from {{ ref("int_identity_links") }}
    where other_id is not null {% if not is_whole %}and {{ is_near }}{% endif %}
),

shared as (
    select * from {{ ref("int_shared_identifiers") }}
),

cuts as (
    select * from {{ ref("int_identity_cuts") }}
),

pairs as (
    select
        node_id,
        other_id,
        node_type,
        other_type,
        min_by(source_id, {{ moment_key("known_at", "source_id") }}) as source_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(known_at) as known_at
    from links
    group by node_id, other_id, node_type, other_type
),

refused as (
    select
        node_id,
        other_id,
        min(shared_id) as shared_id
    from (
        {% for one, other in [("node", "other"), ("other", "node")] %}
        select
            p.node_id,
            p.other_id,
            s.node_id as shared_id
        from pairs as p
        inner join shared as s
            on p.{{ one }}_id = s.node_id and {{ makes_no_pair("s", "p." ~ other ~ "_type") }}
        {{ "union all" if not loop.last }}
        {% endfor %}
    ) as r
    group by node_id, other_id
),

-- A till's tablet, a family mailbox: it belongs to several people and says nothing about one. What
-- somebody found to be two people stays two.
judged as (
    select
        p.*,
        case when c.node_id is not null then 'cut' when r.shared_id is not null then 'shared' end as refusal,
        case when c.node_id is null then r.shared_id end as shared_id
    from pairs as p
    left join refused as r on p.node_id = r.node_id and p.other_id = r.other_id
    left join cuts as c
        on least(p.node_id, p.other_id) = c.node_id and greatest(p.node_id, p.other_id) = c.other_id
),

final as (
    select {{ columns | join(", ") }} from judged
    {% if not is_whole %}
    except
    select {{ columns | join(", ") }} from {{ this }}
    where {{ is_near }}
    {% endif %}
)

select * from final
