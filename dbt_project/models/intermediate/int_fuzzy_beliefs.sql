{{ config(materialized="view") }}

with

links as (
    select * from {{ ref("int_fuzzy_links") }}
),

pairs as (
    select * from {{ ref("int_identity_pairs") }}
    where node_type = 'user_id' and other_type = 'user_id'
),

cuts as (
    select * from {{ ref("int_identity_cuts") }}
),

final as (
    select
        l.node_id,
        l.other_id,
        'user_id' as node_type,
        'user_id' as other_type,
        concat('fuzzy ', l.rule) as source_id,
        l.known_at as first_seen_at,
        l.known_at as last_seen_at,
        l.known_at,
        case when c.node_id is not null then 'cut' end as refusal,
        cast(null as {{ dbt.type_string() }}) as shared_id
    from links as l
    left join pairs as p
        on l.node_id = least(p.node_id, p.other_id) and l.other_id = greatest(p.node_id, p.other_id)
    left join cuts as c on l.node_id = c.node_id and l.other_id = c.other_id
    where p.node_id is null
)

select * from final
