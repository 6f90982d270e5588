with

deals as (
    select * from {{ ref("int_deals") }}
),

contacts as (
    select * from {{ ref("crm_contacts") }}
),

companies as (
    select * from {{ ref("int_company_accounts") }}
),

rates as (
    select
        currency,
        {{ minor_rate() }} as rate
    from {{ ref("currency_rates") }}
),

final as (
    select
        d.deal_key,
        d.source_id,
        d.deal_id,
        coalesce(k.account_id, c.account_id) as account_id,
        c.node_id,
        d.pipeline,
        d.stage,
        d.state = 'won' as is_won,
        d.state <> 'open' as is_closed,
        d.amount_minor,
        d.currency,
        cast(round(d.amount_minor * r.rate) as {{ dbt.type_bigint() }}) as amount_reporting_minor,
        d.owner,
        d.created_at,
        d.changed_at,
        d.closed_on,
        d.closed_at,
        d.known_at
    from deals as d
    left join contacts as c on d.source_id = c.source_id and d.contact_id = c.contact_id
    left join companies as k on d.source_id = k.source_id and d.company_id = k.company_id
    left join rates as r on d.currency = r.currency
)

select * from final
