with

messages as (
    select * from {{ ref("int_person_messages") }}
    where purpose = 'marketing'
),

signs as (
    select * from {{ ref("int_signs") }}
),

refusals as (
    select * from {{ ref("int_refusals") }}
),

policy as (
    select
        max(case when rule = 'budget' then window_hours end) as budget_hours,
        max(case when rule = 'answered' then window_hours end) as looked_at_hours,
        max(case when rule = 'time_to_answer' then window_hours end) as answer_hours,
    {% for rule in ["budget", "budget_least", "budget_most", "answered", "ignored", "refused"] %}
    max(case when rule = '{{ rule }}' then units end) as {{ rule }}{{ "," if not loop.last }}
    {% endfor %}
    from {{ ref("contact_policy") }}
),

-- Whoever came, bought or replied in the days after a message has answered it, whatever led them.
received as (
    select
        m.message_key,
        m.person_id,
        max(case when s.person_id is null then 0 else 1 end) as is_answered
    from messages as m
    cross join policy as o
    left join signs as s
        on
            m.person_id = s.person_id and m.planned_as_of < s.occurred_at
            and {{ after("m.planned_as_of", "o.answer_hours") }} >= s.occurred_at
    where
        m.is_received and not m.is_imported
        and m.planned_as_of > {{ ago("o.looked_at_hours") }}
        and {{ after("m.planned_as_of", "o.answer_hours") }} <= {{ as_of() }}
    group by m.message_key, m.person_id
),

counted as (
    select
        person_id,
        is_answered as answered,
        1 - is_answered as ignored,
        0 as refused,
        cast(0 as numeric(18, 6)) as spent
    from received
    union all
    select
        r.person_id,
        0 as answered,
        0 as ignored,
        1 as refused,
        cast(0 as numeric(18, 6)) as spent
    from refusals as r
    cross join policy as o
    where r.said_at > {{ ago("o.looked_at_hours") }}
    union all
    select
        m.person_id,
        0 as answered,
        0 as ignored,
        0 as refused,
        p.units as spent
    from messages as m
    inner join {{ ref("contact_policy") }} as p on p.rule = 'price' and m.channel = p.channel and m.kind = p.kind
    cross join policy as o
    where m.counts and m.planned_as_of > {{ ago("o.budget_hours") }}
),

summed as (
    select
        person_id,
        sum(answered) as answered,
        sum(ignored) as ignored,
        sum(refused) as refused,
        cast(sum(spent) as numeric(18, 6)) as spent
    from counted
    group by person_id
),

final as (
    select
        s.*,
        cast(greatest(o.budget_least, least(
            o.budget_most,
            o.budget + s.answered * o.answered + s.ignored * o.ignored + s.refused * o.refused
        )) as numeric(18, 6)) as budget
    from summed as s
    cross join policy as o
)

select * from final
