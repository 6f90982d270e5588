{{ config(materialized="incremental", incremental_strategy="append", full_refresh=false) }}

with

concerned as (
    select * from {{ ref("int_identity_moves") }}
),

moved as (
    select * from concerned
    where is_moved
),

-- People are merged by what fuzzy rules believe, too.
links as (
    select * from {{ ref("int_identity_pairs") }}
    union all
    select * from {{ ref("int_fuzzy_beliefs") }}
),

pairs as (
    {% for one, other in [("node", "other"), ("other", "node")] %}
    select
        {{ one }}_id as end_id,
        {{ other }}_id as far_id,
        *
    from links
    where {{ one }}_id in (select m.node_id from moved as m)
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- A pair that joins what was apart, or no more joins what was together.
evidence as (
    select
        m.from_person_id,
        m.person_id,
        p.*,
        row_number() over (
            partition by m.from_person_id, m.person_id
            order by p.refusal nulls last, o.from_person_id nulls last, p.known_at, p.node_id, p.other_id
        ) as place
    from pairs as p
    inner join moved as m on p.end_id = m.node_id
    inner join concerned as o on p.far_id = o.node_id
    where
        case
            when not m.is_parted
                then p.refusal is null and coalesce(o.from_person_id, '') <> m.from_person_id
            else p.refusal is not null and o.from_person_id = m.from_person_id and o.person_id <> m.person_id
        end
),

changes as (
    select
        {{ key(["m.node_id", "m.from_person_id", "m.person_id", to_millis(as_of())]) }} as change_key,
        m.node_id,
        m.node_type,
        m.from_person_id,
        m.person_id,
        case when m.is_parted then 'unmerged' else 'merged' end as kind,
        {{ as_of() }} as changed_at,
        coalesce(e.refusal, case when e.node_id is null then 'rules' else 'link' end) as reason,
        e.shared_id,
        e.node_id as link_node_id,
        e.node_type as link_node_type,
        e.other_id as link_other_id,
        e.other_type as link_other_type,
        e.source_id as link_source_id,
        e.first_seen_at as link_first_seen_at,
        e.last_seen_at as link_last_seen_at,
        e.known_at as link_known_at
    from moved as m
    left join evidence as e
        on m.from_person_id = e.from_person_id and m.person_id = e.person_id and e.place = 1
),

{% if is_incremental() %}
-- A run that failed after this one was written tells it again.
told as (
    select
        node_id,
        max_by(from_person_id, {{ moment_key("changed_at", "change_key") }}) as from_person_id,
        max_by(person_id, {{ moment_key("changed_at", "change_key") }}) as person_id
    from {{ this }}
    group by node_id
),

{% endif %}
final as (
    select c.*
    from changes as c
    {% if is_incremental() %}
    left join told as t
        on c.node_id = t.node_id and c.from_person_id = t.from_person_id and c.person_id = t.person_id
    where t.node_id is null
    {% endif %}
)

select * from final
