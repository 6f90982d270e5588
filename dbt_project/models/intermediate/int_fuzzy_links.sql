with

pairs as (
    select * from {{ ref("int_fuzzy_pairs") }}
),

people as (
    select
        count(distinct node_id) as people,
        {{ bits("count(distinct node_id)", "1") }} as bits
    from {{ ref("int_fuzzy_records") }}
),

-- If each customer were there twice, one in as many as there are is the same person: that much
-- evidence makes it even.
weighed as (
    select
        p.*,
        p.own_bits + least(p.shared_bits, a.bits + {{ fuzzy("home") }}) - a.bits as score
    from pairs as p
    cross join people as a
),

-- What once told two people apart holds against all that makes them look like one.
alike as (
    select
        node_id,
        other_id,
        max(score) as score
    from weighed
    group by node_id, other_id
    having not bool_or(verdict <> 'alike')
),

sure as (
    select count(*) as pairs
    from alike
    where score >= {{ fuzzy("sure") }}
),

-- But few are: how many, those say whom nobody can doubt.
twice as (
    select {{ bits("a.people", "2 * greatest(s.pairs, " ~ fuzzy("twice") ~ " * a.people)") }} as bits
    from people as a
    cross join sure as s
),

-- A home alone tells nobody from the others who live there.
final as (
    select
        w.node_id,
        w.other_id,
        min(w.rule) as rule,
        max(w.score - t.bits) as score,
        min(w.known_at) as known_at
    from weighed as w
    inner join alike as a on w.node_id = a.node_id and w.other_id = a.other_id
    cross join twice as t
    where w.own_bits > 0 and w.score - t.bits >= {{ fuzzy("odds") }}
    group by w.node_id, w.other_id
)

select * from final
