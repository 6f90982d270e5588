{# What says that a person buys in a category, as a query: as_of, person_id, topic (the category), goal
   (category_again where they bought in it before, else category_new), signal, half_life_days, term.

   `terms` is a relation with the columns of int_person_terms, of one moment (that table) or of several
   (`terms_at`, with `pairs_behind` the pairs that are asked for); `pairs` is one of goal, signal and
   half_life_days, such as int_weights: what is not in it is left out. A pair with the signal intercept
   gives every subject a row with the term 1, and so a row to those of whom nothing else is known.

   Subjects are whatever a person bought; and of what they did not, the categories with the most buyers
   in 180 days, as far as the person buys at all, and those that they viewed or said they like (people
   also like to be called: a topic is a category where somebody has bought or viewed something).

   Signals: those of the category itself; of the person, whatever the category; and two of the shop, at
   the same moment:
     popular   ln(1 + 1000 x the category's share of all days of purchase, each faded)
     near      ln(1 + what they bought in the ten categories that are closest to it, each by its cosine) #}
{% macro category_terms(terms, pairs) -%}
    with

    asked as (
        select distinct
            goal,
            signal,
            half_life_days
        from {{ pairs }}
        where goal in ('category_again', 'category_new')
    ),

    bought as (
        select * from {{ terms }}
        where signal = 'category_bought'
    ),

    subjects as (
        {{ _category_subjects(terms) }}
    ),

    of_category as (
        select
            s.as_of,
            s.person_id,
            s.topic,
            s.goal,
            t.signal,
            t.half_life_days,
            t.term
        from subjects as s
        inner join {{ terms }} as t on s.as_of = t.as_of and s.person_id = t.person_id and s.topic = t.topic
        where t.signal in {{ category_signals() }}
    ),

    of_person as (
        select
            as_of,
            person_id,
            signal,
            half_life_days,
            {{ term_of("sum(decayed)") }} as term
        from {{ terms }}
        where signal not in {{ category_signals() }}
        group by as_of, person_id, signal, half_life_days
    ),

    popular as (
        select
            as_of,
            topic,
            half_life_days,
            cast(round(ln(
                1 + 1000e0 * sum(decayed) / sum(sum(decayed)) over (partition by as_of, half_life_days)
            ), 6) as numeric(18, 6)) as term
        from bought
        group by as_of, topic, half_life_days
    ),

    near as (
        {{ _near_terms("bought", "subjects", "asked") }}
    )

    select c.*
    from of_category as c
    inner join asked as a on c.goal = a.goal and c.signal = a.signal and c.half_life_days = a.half_life_days
    union all
    select
        s.as_of,
        s.person_id,
        s.topic,
        s.goal,
        a.signal,
        a.half_life_days,
        p.term
    from subjects as s
    inner join asked as a on s.goal = a.goal
    inner join of_person as p
        on
            s.as_of = p.as_of and s.person_id = p.person_id
            and a.signal = p.signal and a.half_life_days = p.half_life_days
    union all
    select
        s.as_of,
        s.person_id,
        s.topic,
        s.goal,
        a.signal,
        a.half_life_days,
        p.term
    from subjects as s
    inner join asked as a on s.goal = a.goal and a.signal = 'popular'
    inner join popular as p
        on s.as_of = p.as_of and s.topic = p.topic and a.half_life_days = p.half_life_days
    union all
    select * from near
    union all
    select
        s.as_of,
        s.person_id,
        s.topic,
        s.goal,
        a.signal,
        a.half_life_days,
        cast(1 as numeric(18, 6)) as term
    from subjects as s
    inner join asked as a on s.goal = a.goal and a.signal = 'intercept'
{%- endmacro %}

{# Signals whose topic is a category. #}
{% macro category_signals() -%}
    ('category_bought', 'category_items', 'category_viewed', 'stated_interest')
{%- endmacro %}

{# A day of purchase that lies 180 days back is worth this much with a half-life of 14 days: whose sum
   is as large bought since, or more than once not much longer ago. #}
{% macro _category_subjects(terms, most=25) -%}
    select
        as_of,
        person_id,
        topic,
        'category_again' as goal
    from bought
    where half_life_days = 36500
    union all
    select
        n.as_of,
        n.person_id,
        n.topic,
        'category_new' as goal
    from (
        select
            p.as_of,
            p.person_id,
            r.topic
        from (
            select distinct
                as_of,
                person_id
            from bought
            where half_life_days = 36500
        ) as p
        inner join (
            select
                as_of,
                topic,
                row_number() over (partition by as_of order by count(*) desc, topic asc) as place
            from bought
            where half_life_days = 14 and decayed >= 0.000135
            group by as_of, topic
        ) as r on p.as_of = r.as_of
        where r.place <= {{ most }}
        union
        select
            t.as_of,
            t.person_id,
            t.topic
        from {{ terms }} as t
        inner join (
            select distinct
                as_of,
                topic
            from {{ terms }}
            where signal in ('category_bought', 'category_viewed')
        ) as k on t.as_of = k.as_of and t.topic = k.topic
        where t.signal in ('category_viewed', 'stated_interest')
    ) as n
    left join bought as b
        on n.as_of = b.as_of and n.person_id = b.person_id and n.topic = b.topic and b.half_life_days = 36500
    where b.person_id is null
{%- endmacro %}

{# Of each person the strongest categories are compared, so that the cost of one who buys everywhere
   is bounded. #}
{% macro _near_terms(bought, subjects, asked, most=40, closest=10) -%}
    with

    strongest as (
        select *
        from (
            select
                b.as_of,
                b.person_id,
                b.topic,
                b.half_life_days,
                b.term,
                row_number() over (
                    partition by b.as_of, b.person_id, b.half_life_days order by b.decayed desc, b.topic asc
                ) as place
            from {{ bought }} as b
            inner join {{ asked }} as a
                on b.half_life_days = a.half_life_days and a.signal = 'near' and a.goal = 'category_new'
        ) as s
        where place <= {{ most }}
    ),

    lengths as (
        select
            as_of,
            topic,
            half_life_days,
            sum(cast(round(term * term, 6) as numeric(18, 6))) as square
        from strongest
        group by as_of, topic, half_life_days
    ),

    shared as (
        select
            a.as_of,
            a.half_life_days,
            a.topic,
            b.topic as other,
            sum(cast(round(a.term * b.term, 6) as numeric(18, 6))) as product
        from strongest as a
        inner join strongest as b
            on
                a.as_of = b.as_of and a.person_id = b.person_id
                and a.half_life_days = b.half_life_days and a.topic <> b.topic
        group by a.as_of, a.half_life_days, a.topic, b.topic
    ),

    cosines as (
        select
            s.as_of,
            s.half_life_days,
            s.topic,
            s.other,
            cast(round(s.product / nullif(sqrt(a.square) * sqrt(b.square), 0), 6) as numeric(18, 6)) as cosine
        from shared as s
        inner join lengths as a
            on s.as_of = a.as_of and s.half_life_days = a.half_life_days and s.topic = a.topic
        inner join lengths as b
            on s.as_of = b.as_of and s.half_life_days = b.half_life_days and s.other = b.topic
    ),

    closest as (
        select
            *,
            row_number() over (
                partition by as_of, half_life_days, topic order by cosine desc nulls last, other asc
            ) as place
        from cosines
    )

    select
        s.as_of,
        s.person_id,
        s.topic,
        s.goal,
        'near' as signal,
        c.half_life_days,
        {{ term_of("sum(cast(round(b.term * c.cosine, 6) as numeric(18, 6)))") }} as term
    from {{ subjects }} as s
    inner join closest as c on s.as_of = c.as_of and s.topic = c.topic and c.place <= {{ closest }}
    inner join strongest as b
        on
            s.as_of = b.as_of and s.person_id = b.person_id
            and c.other = b.topic and c.half_life_days = b.half_life_days
    where s.goal = 'category_new'
    group by s.as_of, s.person_id, s.topic, s.goal, c.half_life_days
{%- endmacro %}

{# The pairs that have to be kept for these (signal, half_life_days) to be told, as a query with the
   same columns: with them, those from which signals of the shop and of an offer are made. #}
{% macro pairs_behind(pairs) -%}
    select
        signal,
        half_life_days
    from {{ pairs }}
    {% for signal in ["category_bought", "category_viewed"] %}
    union
    select
        '{{ signal }}' as signal,
        half_life_days
    from {{ pairs }}
    where signal in ('affinity_offered'{% if loop.first %}, 'popular', 'near'{% endif %})
    {% endfor %}
    {% for half_life in [14, 36500] %}
    union
    select
        'category_bought' as signal,
        {{ half_life }} as half_life_days
    {% endfor %}
{%- endmacro %}
