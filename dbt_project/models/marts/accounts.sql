with

claims as (
    select * from {{ ref("int_account_claims") }}
),

members as (
    select
        account_id,
        min(since) as since,
        count(*) as people
    from {{ ref("account_members") }}
    group by account_id
),

-- As it was written last; a firm that nobody named is called by its domain.
named as (
    select
        account_id,
        max_by(name, {{ moment_key("last_at", "name") }}) filter (where basis = 'crm') as name
    from claims
    group by account_id
),

domains as (
    select
        account_id,
        domain,
        row_number() over (partition by account_id order by count(*) desc, domain) as place
    from claims
    where domain is not null
    group by account_id, domain
),

companies as (
    select
        *,
        {{ moment_key("changed_at", "concat(source_id, '/', company_id)") }} as recency
    from {{ ref("int_company_accounts") }}
),

-- As the CRM record says that was changed last.
crm as (
    select
        account_id,
        {{ told_last(["owner", "lifecycle_stage", "email_domain"], "recency") }}
    from companies
    group by account_id
),

final as (
    select
        m.account_id,
        coalesce(n.name, d.domain) as name,
        coalesce(d.domain, c.email_domain) as domain,
        m.since,
        m.people,
        c.owner,
        c.lifecycle_stage
    from members as m
    inner join named as n on m.account_id = n.account_id
    left join domains as d on m.account_id = d.account_id and d.place = 1
    left join crm as c on m.account_id = c.account_id
)

select * from final
