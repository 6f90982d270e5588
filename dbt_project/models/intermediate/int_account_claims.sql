with

claims as (
    select * from {{ ref("int_company_claims") }}
    union all
    select * from {{ ref("int_contact_claims") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

limits as (
    select * from {{ ref("identity_limits") }}
    where node_type = 'domain' and other_type = 'person'
),

-- The shop's own people and its tests are nobody's account.
own as (
    select distinct n.person_id
    from {{ ref("int_customers") }} as c
    inner join nodes as n on c.user_node = n.node_id
    where c.is_current and (c.is_staff or c.is_test)
),

personal as (
    select
        n.person_id,
        c.basis,
        c.company_key,
        max_by(c.name, {{ moment_key("c.last_at", "c.name") }}) as name,
        min(c.domain) as domain,
        min(c.since) as since,
        max(c.last_at) as last_at
    from claims as c
    inner join nodes as n on c.node_id = n.node_id
    left join own as o on n.person_id = o.person_id
    where o.person_id is null
    group by n.person_id, c.basis, c.company_key
),

sizes as (
    select
        company_key,
        count(*) as people
    from personal
    where basis = 'domain'
    group by company_key
),

-- With more people than a firm that decides together has, it is a provider that the seed does not know.
providers as (
    select s.company_key
    from sizes as s
    cross join limits as l
    where s.people > l.max_links
),

believed as (
    select p.*
    from personal as p
    left join providers as o on p.company_key = o.company_key
    where o.company_key is null
),

-- Where all who named a firm and write from a domain name the same, the domain is that firm's.
firms as (
    select
        d.company_key as domain_key,
        min(c.company_key) as company_key
    from believed as d
    inner join believed as c on d.person_id = c.person_id and d.basis = 'domain' and c.basis = 'crm'
    group by d.company_key
    having count(distinct c.company_key) = 1
),

-- A CRM says whose a domain is, before anybody's word.
final as (
    select
        b.person_id,
        b.basis,
        b.company_key,
        coalesce(s.company_key, f.company_key, b.company_key) as account_id,
        b.name,
        b.domain,
        b.since,
        b.last_at
    from believed as b
    left join {{ ref("int_company_domains") }} as s on b.company_key = s.domain_key
    left join firms as f on b.company_key = f.domain_key
)

select * from final
