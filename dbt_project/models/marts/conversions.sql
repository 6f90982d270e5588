with

orders as (
    select *
    from {{ ref("orders") }}
    where node_id is not null and {{ is_bought("status") }}
),

events as (
    select * from {{ ref("web_events") }}
    where not is_bot and node_id is not null
),

goal_events as (
    select * from {{ ref("goal_events") }}
),

-- What was won in a pipeline that the seed names reaches its goal, else that of all deals.
deals as (
    select
        d.*,
        coalesce(o.goal, g.goal) as goal
    from {{ ref("deals") }} as d
    left join goal_events as o on lower(o.event) = lower(concat('Deal Won: ', d.pipeline))
    left join goal_events as g on g.event = 'Deal Won' and o.goal is null
    where d.is_won and coalesce(o.goal, g.goal) is not null
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

accounts as (
    select * from {{ ref("account_members") }}
    where is_main
),

reached as (
    select
        {{ key(["'buy'", "order_key"]) }} as conversion_key,
        node_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        'buy' as goal,
        ordered_at as occurred_at,
        amount_reporting_minor as value_minor,
        source_id,
        known_at
    from orders
    union all
    select
        {{ key(["g.goal", "e.event_key"]) }} as conversion_key,
        e.node_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        g.goal,
        e.occurred_at,
        e.value_minor,
        e.source_id,
        e.known_at
    from events as e
    inner join goal_events as g on e.event = g.event
    union all
    -- Of a company that the CRM names, maybe by nobody whom we know.
    select
        {{ key(["goal", "deal_key"]) }} as conversion_key,
        node_id,
        account_id,
        goal,
        closed_at as occurred_at,
        amount_reporting_minor as value_minor,
        source_id,
        known_at
    from deals
    where coalesce(node_id, account_id) is not null
),

final as (
    select
        r.conversion_key,
        r.node_id,
        coalesce(r.account_id, a.account_id) as account_id,
        r.goal,
        r.occurred_at,
        r.value_minor,
        r.source_id,
        r.known_at
    from reached as r
    left join nodes as n on r.node_id = n.node_id
    left join accounts as a on n.person_id = a.person_id
)

select * from final
