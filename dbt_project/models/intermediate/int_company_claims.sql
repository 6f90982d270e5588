with

customers as (
    select
        *,
        {{ comparable("company") }} as comparable_company
    from {{ ref("int_customers") }}
    where user_node is not null
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'company'
),

grouped as (
    select * from {{ ref("int_web_events") }}
    where group_id is not null and coalesce(user_node, device_node) is not null
),

addresses as (
    select * from {{ ref("int_addresses") }}
    where email_domain is not null
),

free_mail as (
    select * from {{ ref("free_mail_domains") }}
),

nodes as (
    select * from {{ ref("int_identity_nodes") }}
),

shared as (
    select distinct node_id from {{ ref("int_shared_identifiers") }}
),

-- Who has left a firm is no more of it; since when they are, all versions know.
said as (
    select
        user_node,
        comparable_company,
        max_by(company, {{ moment_key("landed_at", "company") }}) as company,
        min(landed_at) as since,
        max(landed_at) as last_at
    from customers
    where comparable_company is not null
    group by user_node, comparable_company
    having bool_or(is_current)
),

final as (
    select
        s.user_node as node_id,
        'crm' as basis,
        {{ key(["'company'", "s.comparable_company"]) }} as company_key,
        s.company as name,
        cast(null as {{ dbt.type_string() }}) as domain,
        s.since,
        s.last_at
    from said as s
    left join blocked as b on s.comparable_company = b.value
    where b.value is null
    union all
    select
        coalesce(user_node, device_node) as node_id,
        'crm' as basis,
        {{ key(["'group'", "id_space", "group_id"]) }} as company_key,
        min(group_id) as name,
        cast(null as {{ dbt.type_string() }}) as domain,
        min(occurred_at) as since,
        max(occurred_at) as last_at
    from grouped
    group by coalesce(user_node, device_node), id_space, group_id
    union all
    -- A mailbox of several people is nobody's desk.
    select
        a.address_node as node_id,
        'domain' as basis,
        {{ key(["'domain'", "a.email_domain"]) }} as company_key,
        a.email_domain as name,
        a.email_domain as domain,
        n.first_seen_at as since,
        n.last_seen_at as last_at
    from addresses as a
    inner join nodes as n on a.address_node = n.node_id
    left join free_mail as f on a.email_domain = f.email_domain
    left join shared as s on a.address_node = s.node_id
    where f.email_domain is null and s.node_id is null
)

select * from final
