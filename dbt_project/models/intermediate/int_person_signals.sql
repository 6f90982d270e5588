with

signals as (
    select * from {{ ref("int_signals") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

weights as (
    select * from {{ ref("intent_weights") }}
),

-- exp() differs between engines in its last digits: rounded once, then summed as decimals.
final as (
    select
        n.person_id,
        w.weights_version,
        w.goal,
        w.horizon_days,
        w.signal,
        w.weight,
        sum(cast(
            exp(
                -0.6931471805599453 * ({{ to_millis(as_of()) }} - {{ to_millis("s.occurred_at") }})
                / (86400000.0 * w.half_life_days)
            ) as numeric(18, 6)
        )) as decayed,
        count(*) as events,
        max(s.occurred_at) as last_at
    from signals as s
    inner join nodes as n on s.node_id = n.node_id
    inner join weights as w on s.event = w.event
    where s.occurred_at <= {{ as_of() }}
    group by n.person_id, w.weights_version, w.goal, w.horizon_days, w.signal, w.weight
)

select * from final
