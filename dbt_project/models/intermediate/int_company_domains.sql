with

-- Of several companies that a CRM has for a domain, it is none's.
final as (
    select
        domain_key,
        min(company_key) as company_key
    from {{ ref("int_companies") }}
    where domain_key is not null
    group by domain_key
    having count(distinct company_key) = 1
)

select * from final
