{{ config(materialized="view") }}

-- Which of these it reads, the scope says.
-- depends_on: {{ ref("calibration_category_terms") }}
-- depends_on: {{ ref("int_signal_days") }}
-- depends_on: {{ ref("people_nodes") }}
-- depends_on: {{ ref("int_person_messages") }}
-- depends_on: {{ ref("campaigns") }}

with

labels as (
    select * from {{ ref("calibration_labels") }}
),

{% if var("calibration").scope == "category" %}
terms as (
    select * from {{ ref("calibration_category_terms") }}
    where signal <> 'intercept'
),
{% else %}
moments as (
    {{ calibration_moments() }}
),

pairs as (
    {{ calibration_pairs() }}
),

subjects as (
    select distinct subject from labels
),

-- Of those alone who are looked at.
nodes as (
    select
        n.node_id,
        n.person_id
    from {{ ref("people_nodes") }} as n
    inner join subjects as s on n.person_id = s.subject
),

people_terms as (
    {{ terms_at("moments", "pairs", "nodes") }}
),

terms as (
    {{ person_terms("people_terms") }}
),
{% endif %}

final as (
    select
        l.row_no,
        t.signal,
        t.half_life_days,
        t.term
    from terms as t
    inner join labels as l on t.as_of = l.as_of and t.subject = l.subject
)

select * from final
