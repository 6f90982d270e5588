{# Columns of int_recommend_repeat and int_recommend_new; of equals the first is taken. #}
{% set formulas = {"repeat": ["habit", "recent_days", "trend"], "new": ["blend", "popular_first", "near_first"]} %}

with

shops as (
    select distinct source_id from {{ ref("int_item_stats") }}
),

answers as (
    select * from {{ ref("int_recommend_answers") }}
),

names as (
    {% for kind, names in formulas.items() %}
    {% set last = loop.last %}
    {% for name in names %}
    select
        '{{ kind }}' as kind,
        '{{ name }}' as formula,
        {{ loop.index }} as formula_no
    {{ "union all" if not (last and loop.last) }}
    {% endfor %}
    {% endfor %}
),

tops as (
    {% for kind, names in formulas.items() %}
    {% set last = loop.last %}
    {% for name in names %}
    select
        '{{ kind }}' as kind,
        '{{ name }}' as formula,
        person_no,
        item_no
    from {{ ref("int_recommend_" ~ kind) }}
    where not is_now
    qualify row_number() over (partition by person_no order by {{ name }} desc, item_no asc) <= 10
    {{ "union all" if not (last and loop.last) }}
    {% endfor %}
    {% endfor %}
),

-- Of what a person went on to buy, the share that was among their ten.
found as (
    select
        a.source_id,
        a.person_no,
        n.kind,
        n.formula,
        cast(count(t.item_no) * 1e0 / count(*) as numeric(9, 6)) as recall
    from answers as a
    inner join names as n on a.kind = n.kind
    left join tops as t on n.formula = t.formula and a.person_no = t.person_no and a.item_no = t.item_no
    group by a.source_id, a.person_no, n.kind, n.formula
),

recalls as (
    select
        source_id,
        formula,
        count(*) as people,
        cast(sum(recall) * 1e0 / count(*) as numeric(9, 6)) as recall
    from found
    group by source_id, formula
),

final as (
    select
        s.source_id,
        n.kind,
        n.formula,
        coalesce(r.people, 0) as people,
        r.recall,
        row_number() over (partition by s.source_id, n.kind order by r.recall desc nulls last, n.formula_no asc) = 1
            as is_chosen
    from shops as s
    cross join names as n
    left join recalls as r on s.source_id = r.source_id and n.formula = r.formula
)

select * from final
