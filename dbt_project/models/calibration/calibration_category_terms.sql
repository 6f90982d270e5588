{% set asked = var("calibration") %}

with

moments as (
    {{ calibration_moments() }}
),

pairs as (
    {{ calibration_pairs() }}
),

people as (
    {{ calibration_people() }}
),

nodes as (
    select
        n.node_id,
        n.person_id
    from {{ ref("people_nodes") }} as n
    inner join people as p on n.person_id = p.person_id
    where p.place <= {{ asked.most_people }}
),

behind as (
    {{ pairs_behind("pairs") }}
),

people_terms as (
    {{ terms_at("moments", "behind", "nodes") }}
),

-- What goes with what, and what is liked, is told of all; rows are learned from of a few.
terms as (
    {{ category_terms("people_terms", "pairs") }}
),

final as (
    select
        t.as_of,
        concat(t.person_id, '/', t.topic) as subject,
        t.person_id,
        t.topic,
        t.signal,
        t.half_life_days,
        t.term
    from terms as t
    inner join people as p on t.person_id = p.person_id
    where '{{ asked.scope }}' = 'category' and t.goal = '{{ asked.goal }}' and p.place <= {{ asked.most_subjects }}
)

select * from final
