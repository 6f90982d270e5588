{{ config(materialized="view") }}
{# Columns of int_recommend_repeat and int_recommend_new; of equals the first is taken. #}
{% set formulas = {"repeat": ["habit", "recent_days", "trend"], "new": ["blend", "popular_first", "near_first"]} %}

with

people as (
    select * from {{ ref("int_recommend_people") }}
    where is_now
),

chosen as (
    select * from {{ ref("int_recommend_formulas") }}
    where is_chosen
),

final as (
    {% for kind, names in formulas.items() %}
    select
        s.person_no,
        s.item_no,
        p.person_id,
        c.kind,
        c.formula,
        case c.formula
            {% for name in names %}
            when '{{ name }}' then s.{{ name }}
            {% endfor %}
        end as score
    from {{ ref("int_recommend_" ~ kind) }} as s
    inner join people as p on s.person_no = p.person_no
    inner join chosen as c on p.source_id = c.source_id and c.kind = '{{ kind }}'
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from final
