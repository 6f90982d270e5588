{# The ledger keeps facts as long. #}
{% set news_days = 14 %}

with

nodes as (
    select * from {{ ref("people_nodes") }}
),

products as (
    select * from {{ ref("products") }}
),

conversions as (
    select
        v.*,
        n.person_id
    from {{ ref("conversions") }} as v
    left join nodes as n on v.node_id = n.node_id
    where
        {{ is_news("v.known_at") }}
        and v.occurred_at > {{ ago(news_days, "day") }} and v.occurred_at <= {{ as_of() }}
),

-- By the same person, whatever the address that a plan would write to; by a colleague.
reached as (
    select
        a.node_id as subject,
        v.goal as what,
        v.occurred_at,
        v.conversion_key as told_by
    from conversions as v
    inner join nodes as a on v.person_id = a.person_id and a.node_type in ('email', 'phone')
    union all
    select
        account_id as subject,
        goal as what,
        occurred_at,
        conversion_key as told_by
    from conversions
    where account_id is not null
),

declared as (
    select distinct
        node_id,
        channel,
        purpose
    from {{ ref("permissions") }}
    where {{ is_news("known_at") }} or {{ is_news("valid_from") }}
),

-- What holds now where anything was declared since, or ran out. A meeting needs the permission of an email.
stances as (
    select
        case when w.state = 'granted' then 'permitted' else 'withdrawn' end as kind,
        w.address_node as subject,
        concat(c.channel, '/', w.purpose) as what,
        w.since as occurred_at,
        w.permission_key as told_by
    from {{ ref("permission_now") }} as w
    inner join {{ ref("channels") }} as c on w.channel = c.permission_channel
    left join declared as d on w.address_node = d.node_id and w.channel = d.channel and w.purpose = d.purpose
    where d.node_id is not null or (w.state = 'expired' and {{ is_news("w.expires_at") }})
),

restocked as (
    select
        p.id_space,
        p.product_id,
        max(c.changed_at) as occurred_at
    from {{ ref("product_changes") }} as c
    inner join products as p on c.product_key = p.product_key
    where {{ is_news("c.known_at") }} and coalesce(c.in_stock, true) <> coalesce(c.was_in_stock, true)
    group by p.id_space, p.product_id
),

stocks as (
    select
        case when coalesce(k.in_stock, true) then 'in_stock' else 'out_of_stock' end as kind,
        p.product_key as subject,
        '' as what,
        r.occurred_at,
        cast({{ to_millis("r.occurred_at") }} as {{ dbt.type_string() }}) as told_by
    from restocked as r
    inner join products as p on r.id_space = p.id_space and r.product_id = p.product_id
    inner join {{ ref("int_catalogue") }} as k on r.id_space = k.id_space and r.product_id = k.product_id
),

final as (
    {% for told in ["reached", "stances", "stocks"] %}
    {% set kind = "'goal_reached'" if told == "reached" else "kind" %}
    select {{ key([kind, "subject", "what", "told_by"]) }} as fact_key, {{ kind }} as kind, subject, what, occurred_at
    from {{ told }}
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from final
