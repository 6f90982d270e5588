{# Who people were is read from people_nodes as the last run left it: that table is built after this. #}

with

before as (
    select * from {{ people_before() }}
),

components as (
    select
        node_id,
        node_type,
        {{ person_key("first_node") }} as person_id
    from {{ ref("int_identity_components") }}
),

people as (
    select
        c.node_id,
        c.node_type,
        b.person_id as from_person_id,
        c.person_id
    from components as c
    left join before as b on c.node_id = b.node_id
),

moved as (
    select * from people
    where from_person_id <> person_id
),

-- All that was, or is now, one person's with a node that moved.
concerned as (
    select * from people
    where
        person_id in (select m.person_id from moved as m)
        or from_person_id in (select m.from_person_id from moved as m)
),

parted as (
    select from_person_id
    from concerned
    where from_person_id is not null
    group by from_person_id
    having count(distinct person_id) > 1
),

final as (
    select
        c.node_id,
        c.node_type,
        c.from_person_id,
        c.person_id,
        coalesce(c.from_person_id <> c.person_id, false) as is_moved,
        p.from_person_id is not null as is_parted
    from concerned as c
    left join parted as p on c.from_person_id = p.from_person_id
)

select * from final
