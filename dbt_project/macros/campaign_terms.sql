{# What says that a person answers a campaign, as a query: as_of, person_id, topic (the campaign), goal
   (answer), signal, half_life_days, term.

   `terms` and `pairs` are as for `category_terms`; `campaigns` is a relation of as_of and campaign_id,
   `offered` one of as_of, campaign_id and category. Subjects are the campaigns of a moment with
   everyone of whom anything is known then.

   A person's signals count over all campaigns but the one in question: what was sent of it, and how
   they answered that, is what is to be told. affinity_offered is what they bought or viewed in the
   categories that it offers. #}
{% macro campaign_terms(terms, campaigns, offered, pairs) -%}
    with

    asked as (
        select distinct
            signal,
            half_life_days
        from {{ pairs }}
        where goal = 'answer'
    ),

    subjects as (
        select
            c.as_of,
            p.person_id,
            c.campaign_id
        from (
            select distinct
                as_of,
                person_id
            from {{ terms }}
        ) as p
        inner join {{ campaigns }} as c on p.as_of = c.as_of
    ),

    sums as (
        select
            t.as_of,
            t.person_id,
            t.signal,
            t.half_life_days,
            sum(t.decayed) as decayed
        from {{ terms }} as t
        inner join asked as a on t.signal = a.signal and t.half_life_days = a.half_life_days
        group by t.as_of, t.person_id, t.signal, t.half_life_days
    ),

    own as (
        select t.*
        from {{ terms }} as t
        inner join {{ campaigns }} as c on t.as_of = c.as_of and t.topic = c.campaign_id
        where t.signal in ('campaign_sent', 'campaign_answered', 'coupon_redeemed')
    ),

    of_person as (
        select
            s.as_of,
            s.person_id,
            s.campaign_id,
            t.signal,
            t.half_life_days,
            t.decayed - coalesce(o.decayed, 0) as decayed
        from subjects as s
        inner join sums as t on s.as_of = t.as_of and s.person_id = t.person_id
        left join own as o
            on
                s.as_of = o.as_of and s.person_id = o.person_id and s.campaign_id = o.topic
                and t.signal = o.signal and t.half_life_days = o.half_life_days
    ),

    of_offer as (
        select
            t.as_of,
            t.person_id,
            o.campaign_id,
            a.signal,
            a.half_life_days,
            sum(t.decayed) as decayed
        from {{ terms }} as t
        inner join {{ offered }} as o on t.as_of = o.as_of and t.topic = o.category
        inner join asked as a on t.half_life_days = a.half_life_days and a.signal = 'affinity_offered'
        where t.signal in ('category_bought', 'category_viewed')
        group by t.as_of, t.person_id, o.campaign_id, a.signal, a.half_life_days
    ),

    sides as (
        select * from of_person
        union all
        select * from of_offer
    )

    select
        as_of,
        person_id,
        campaign_id as topic,
        'answer' as goal,
        signal,
        half_life_days,
        {{ term_of("decayed") }} as term
    from sides
    where decayed > 0
    union all
    select
        s.as_of,
        s.person_id,
        s.campaign_id as topic,
        'answer' as goal,
        a.signal,
        a.half_life_days,
        cast(1 as numeric(18, 6)) as term
    from subjects as s
    inner join asked as a on a.signal = 'intercept'
{%- endmacro %}

{# The campaigns that can still be answered at moments (a relation: as_of), as a query: as_of, campaign_id. #}
{% macro campaigns_at(moments) -%}
    select
        m.as_of,
        c.campaign_id
    from {{ ref("campaigns") }} as c
    inner join {{ moments }} as m on m.as_of < c.ends_at
    where c.enabled
{%- endmacro %}

{# What these offer, as far as it has come in: as_of, campaign_id, category. One thing is no collection. #}
{% macro offered_at(moments) -%}
    select
        m.as_of,
        c.campaign_id,
        p.category
    from {{ ref("campaigns") }} as c
    inner join {{ moments }} as m on m.as_of < c.ends_at
    inner join {{ ref("products") }} as p on p.created_at >= c.arrivals_since and p.created_at <= m.as_of
    where
        c.enabled and p.category is not null
        and (c.leave_out is null or lower(p.name) not like concat('%', c.leave_out, '%'))
    group by m.as_of, c.campaign_id, p.category
    having count(*) >= 2
{%- endmacro %}
