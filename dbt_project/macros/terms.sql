{# What counts at a moment but is no sum over days of signals, as a query: `as_of`, person_id, signal,
   topic, half_life_days, decayed; of the pairs asked for. `moments` is a relation (as_of), `firsts` one
   of person_id and first_on, `pairs` one of signal and half_life_days. `until`: whether a moment's own
   day counts (<=) or is still to come (<). #}
{% macro other_terms(moments, firsts, pairs, until="<=") -%}
    select
        m.as_of,
        f.person_id,
        p.signal,
        '' as topic,
        p.half_life_days,
        {{ faded("1", "f.first_on", day_of("m.as_of"), "p.half_life_days") }} as decayed
    from {{ firsts }} as f
    inner join {{ moments }} as m on f.first_on {{ until }} {{ day_of("m.as_of") }}
    inner join {{ pairs }} as p on p.signal = 'first_purchase'
    union all
    select
        m.as_of,
        s.person_id,
        p.signal,
        coalesce(s.campaign_id, '') as topic,
        p.half_life_days,
        sum({{ faded("1", day_of("s.planned_as_of"), day_of("m.as_of"), "p.half_life_days") }}) as decayed
    from {{ ref("int_person_messages") }} as s
    inner join {{ moments }} as m on s.planned_as_of <= m.as_of
    inner join {{ pairs }} as p on p.signal = 'campaign_sent'
    where s.counts and s.kind = 'mass'
    group by m.as_of, s.person_id, p.signal, coalesce(s.campaign_id, ''), p.half_life_days
    union all
    select
        m.as_of,
        s.person_id,
        p.signal,
        '' as topic,
        p.half_life_days,
        cast(count(distinct s.campaign_id) as numeric(18, 6)) as decayed
    from {{ ref("int_person_messages") }} as s
    inner join {{ ref("campaigns") }} as c on s.campaign_id = c.campaign_id
    inner join {{ moments }} as m on s.planned_as_of <= m.as_of and m.as_of between c.starts_at and c.ends_at
    inner join {{ pairs }} as p on p.signal = 'open_offers'
    where s.counts
    group by m.as_of, s.person_id, p.signal, p.half_life_days
{%- endmacro %}

{# The terms of several moments at once, as a query with the columns of int_person_terms, from the days
   themselves: for learning, which looks back. `moments` is a relation (as_of: the start of a day),
   `pairs` one of signal and half_life_days; `nodes` one of node_id and person_id, all people's where
   nobody says. #}
{% macro terms_at(moments, pairs, nodes=none) -%}
    {%- set nodes = nodes or ref("people_nodes") -%}
    {%- set days = ref("int_signal_days") -%}
    {%- set firsts -%}
    (
        select
            n.person_id,
            min(d.occurred_on) as first_on
        from {{ days }} as d
        inner join {{ nodes }} as n on d.node_id = n.node_id
        where d.signal = 'purchase_day'
        group by n.person_id
    )
    {%- endset -%}
    select
        as_of,
        person_id,
        signal,
        topic,
        half_life_days,
        decayed,
        {{ term_of("decayed") }} as term
    from (
        select
            m.as_of,
            n.person_id,
            d.signal,
            d.topic,
            p.half_life_days,
            sum({{ faded("d.amount", "d.occurred_on", day_of("m.as_of"), "p.half_life_days") }}) as decayed
        from {{ days }} as d
        inner join {{ moments }} as m on d.occurred_on < {{ day_of("m.as_of") }}
        inner join {{ pairs }} as p on d.signal = p.signal
        inner join {{ nodes }} as n on d.node_id = n.node_id
        group by m.as_of, n.person_id, d.signal, d.topic, p.half_life_days
        union all
        {{ other_terms(moments, firsts, pairs, until="<") }}
    ) as t
    where decayed > 0
{%- endmacro %}
