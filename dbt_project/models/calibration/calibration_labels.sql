{{ config(materialized="view") }}

-- Which of these it reads, the scope says.
-- depends_on: {{ ref("calibration_category_terms") }}
-- depends_on: {{ ref("int_signal_days") }}
-- depends_on: {{ ref("conversions") }}
-- depends_on: {{ ref("people") }}
{% set asked = var("calibration") %}

with

moments as (
    {{ calibration_moments() }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

{% if asked.scope == "category" %}
known as (
    select
        as_of,
        subject
    from {{ ref("calibration_category_terms") }}
    where signal = 'intercept'
),

-- Days are told of a whole day: the window begins with the moment's own.
reached as (
    select distinct
        m.as_of,
        concat(n.person_id, '/', d.topic) as subject
    from {{ ref("int_signal_days") }} as d
    inner join nodes as n on d.node_id = n.node_id
    inner join moments as m
        on
            d.occurred_on >= {{ day_of("m.as_of") }}
            and d.occurred_on < {{ day_of(after("m.as_of", asked.horizon_days, "day")) }}
    where d.signal = 'category_bought'
),
{% else %}
people as (
    {{ calibration_people() }}
),

-- Whoever was seen before the moment; nobody else could have been scored.
known as (
    select
        m.as_of,
        p.person_id as subject
    from people as p
    inner join moments as m on p.first_seen_at < m.as_of
    where p.place <= {{ asked.most_subjects }}
),

reached as (
    select distinct
        m.as_of,
        n.person_id as subject
    from {{ ref("conversions") }} as c
    inner join nodes as n on c.node_id = n.node_id
    inner join moments as m
        on c.occurred_at >= m.as_of and c.occurred_at < {{ after("m.as_of", asked.horizon_days, "day") }}
    where c.goal = '{{ asked.goal }}'
),
{% endif %}

final as (
    select
        row_number() over (order by k.as_of, k.subject) as row_no,
        k.as_of,
        k.subject,
        r.subject is not null as is_reached
    from known as k
    left join reached as r on k.as_of = r.as_of and k.subject = r.subject
)

select * from final
