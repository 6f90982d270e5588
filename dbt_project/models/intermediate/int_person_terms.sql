with

state as (
    select * from {{ ref("int_signal_state") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

moments as (
    select {{ as_of() }} as as_of
),

firsts as (
    select
        person_id,
        {{ day_of("first_order_at") }} as first_on
    from {{ ref("people") }}
    where first_order_at <= {{ as_of() }}
),

pairs as (
    select distinct
        signal,
        half_life_days
    from {{ ref("int_weights") }}
),

sums as (
    select
        {{ as_of() }} as as_of,
        n.person_id,
        s.signal,
        s.topic,
        s.half_life_days,
        sum({{ written_down("s.amount", "s.era", day_of(as_of()), "s.half_life_days") }}) as decayed
    from state as s
    inner join nodes as n on s.node_id = n.node_id
    group by n.person_id, s.signal, s.topic, s.half_life_days
    union all
    {{ other_terms("moments", "firsts", "pairs") }}
),

final as (
    select
        as_of,
        person_id,
        signal,
        topic,
        half_life_days,
        cast(decayed as numeric(18, 6)) as decayed,
        {{ term_of("decayed") }} as term
    from sums
    where decayed > 0
)

select * from final
