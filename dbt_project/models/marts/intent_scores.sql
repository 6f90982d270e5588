with

signals as (
    select * from {{ ref("int_person_signals") }}
),

intercepts as (
    select *
    from {{ ref("intent_weights") }}
    where signal = 'intercept'
),

carts as (
    select
        n.person_id,
        max(c.changed_at) as changed_at
    from {{ ref("carts") }} as c
    inner join {{ ref("people_nodes") }} as n on c.node_id = n.node_id
    where c.state in ('open', 'abandoned')
    group by n.person_id
),

people as (
    select * from {{ ref("people") }}
),

terms as (
    select
        *,
        cast(round(weight * cast(ln(1 + decayed) as numeric(18, 6)), 6) as numeric(18, 6)) as contribution
    from signals
),

summed as (
    select
        person_id,
        weights_version,
        goal,
        horizon_days,
        sum(contribution) as logit,
        sum(case when signal = 'views' then events else 0 end) as views,
        max(case when signal in ('views', 'cart_additions', 'checkouts') then last_at end) as last_web_at,
        {{ ordered_list(
            "concat('\"', signal, '\": ', cast(contribution as " ~ dbt.type_string() ~ "))",
            "signal", most=50
        ) }} as contributions
    from terms
    group by person_id, weights_version, goal, horizon_days
),

final as (
    select
        s.person_id,
        s.goal,
        s.horizon_days,
        cast(1 / (1 + exp(-(i.weight + s.logit))) as numeric(9, 6)) as probability,
        case
            when
                c.changed_at >= {{ ago(7, "day") }}
                and (p.last_order_at is null or c.changed_at > p.last_order_at)
                then 'deciding'
            when s.views >= 3 and s.last_web_at >= {{ ago(14, "day") }} then 'considering'
            when p.last_order_at >= {{ ago(180, "day") }} then 'customer'
            when p.is_customer then 'lapsed'
            else 'aware'
        end as stage,
        concat(
            '{"intercept": ', cast(i.weight as {{ dbt.type_string() }}), ', ', s.contributions, '}'
        ) as contributions,
        s.weights_version
    from summed as s
    inner join intercepts as i on s.goal = i.goal and s.weights_version = i.weights_version
    inner join people as p on s.person_id = p.person_id
    left join carts as c on s.person_id = c.person_id
)

select * from final
