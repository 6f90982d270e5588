with

people as (
    select * from {{ ref("people") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

signals as (
    select * from {{ ref("int_signal_days") }}
    where signal in ('product_view', 'purchase_day') and occurred_on >= {{ day_of(ago(180, "day")) }}
),

carts as (
    select
        n.person_id,
        max(c.changed_at) as changed_at
    from {{ ref("carts") }} as c
    inner join nodes as n on c.node_id = n.node_id
    where c.state in ('open', 'abandoned') and c.changed_at <= {{ as_of() }}
    group by n.person_id
),

sessions as (
    select distinct n.person_id
    from {{ ref("sessions") }} as s
    inner join nodes as n on s.node_id = n.node_id
    where not s.is_bot
),

recent as (
    select
        n.person_id,
        sum(s.amount) filter (
            where s.signal = 'product_view' and s.occurred_on >= {{ day_of(ago(14, "day")) }}
        ) as views,
        max(s.occurred_on) filter (where s.signal = 'purchase_day') as last_purchase_on
    from signals as s
    inner join nodes as n on s.node_id = n.node_id
    group by n.person_id
),

stated as (
    select * from {{ ref("int_crm_stages") }}
),

-- A cart that was changed after the last order is being decided about, and so is an open deal.
final as (
    select
        p.person_id,
        p.account_id,
        case
            when t.stage = 'deciding' then 'deciding'
            when
                c.changed_at >= {{ ago(7, "day") }}
                and (p.last_order_at is null or c.changed_at > p.last_order_at)
                then 'deciding'
            when r.views >= 3 or t.stage = 'considering' then 'considering'
            when r.last_purchase_on is not null or t.stage = 'customer' then 'customer'
            when p.first_order_at <= {{ as_of() }} then 'lapsed'
            when s.person_id is not null then 'aware'
            else 'unaware'
        end as stage
    from people as p
    left join carts as c on p.person_id = c.person_id
    left join recent as r on p.person_id = r.person_id
    left join sessions as s on p.person_id = s.person_id
    left join stated as t on p.person_id = t.subject
)

select * from final
