with

companies as (
    select * from {{ ref("int_companies") }}
),

accounts as (
    select
        company_key,
        min(account_id) as account_id
    from {{ ref("int_account_claims") }}
    group by company_key
),

-- A company that nobody whom we know belongs to is no account yet.
final as (
    select
        c.source_id,
        c.company_id,
        coalesce(a.account_id, d.account_id) as account_id,
        c.name,
        c.email_domain,
        c.lifecycle_stage,
        c.stage,
        c.stage_since,
        c.owner,
        c.changed_at,
        c.known_at
    from companies as c
    left join accounts as a on c.company_key = a.company_key
    left join accounts as d on c.domain_key = d.company_key
    where coalesce(a.account_id, d.account_id) is not null
)

select * from final
