{# Words by which something is not right, and words by which it is again. #}
{% set bad = ["complaint", "unhappy", "dissatisfied", "very_unhappy", "very_dissatisfied"] %}
{% set good = ["resolved", "happy", "satisfied", "very_happy", "very_satisfied"] %}

with

statements as (
    select
        *,
        coalesce(rating <= 2, false)
        {% for word in bad %}
        or '{{ word }}' in (coalesce(choice, ''), coalesce(call_result, ''))
        {% endfor %}
            as is_bad,
        coalesce(rating >= 4, false)
        {% for word in good %}
        or '{{ word }}' in (coalesce(choice, ''), coalesce(call_result, ''))
        {% endfor %}
            as is_good
    from {{ ref("int_statements") }}
    where source not in ('search', 'download') and said_at <= {{ as_of() }}
),

returned as (
    select distinct
        n.person_id,
        l.product_key
    from {{ ref("int_returned_lines") }} as l
    inner join {{ ref("people_nodes") }} as n on l.node_id = n.node_id
),

policy as (
    select
        max(case when rule = 'unhappy' then window_hours end) as unhappy_hours,
        max(case when rule = 'unhappy_product' then window_hours end) as product_hours
    from {{ ref("contact_policy") }}
),

-- A product that disappoints is no quarrel with us, unless it came back.
complained as (
    select
        s.said_key,
        s.person_id,
        s.source,
        s.product_key,
        s.said_at,
        case
            when r.product_key is not null then 'return'
            when s.rating <= 2 then concat('rating ', cast(s.rating as {{ dbt.type_string() }}))
            else 'complaint'
        end as what,
        case
            when s.source = 'review' and r.product_key is null then o.product_hours
            else o.unhappy_hours
        end as hours
    from statements as s
    cross join policy as o
    left join returned as r on s.person_id = r.person_id and s.product_key = r.product_key
    where s.is_bad
),

-- Praise of a product puts right what was said of that product, and nothing else.
put_right as (
    select distinct b.said_key
    from complained as b
    inner join statements as g
        on
            b.person_id = g.person_id and b.said_at < g.said_at
            and (g.source <> 'review' or (b.source = 'review' and b.product_key = g.product_key))
    where g.is_good and not g.is_bad
),

timed as (
    select
        b.*,
        {{ after("b.said_at", "b.hours") }} as paused_until
    from complained as b
    left join put_right as g on b.said_key = g.said_key
    where g.said_key is null
),

final as (
    select
        person_id,
        what,
        source,
        said_at,
        paused_until
    from timed
    where paused_until > {{ as_of() }}
    qualify row_number() over (partition by person_id order by paused_until desc, said_at desc, said_key asc) = 1
)

select * from final
