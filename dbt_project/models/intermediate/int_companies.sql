with

versions as (
    select
        *,
        {{ written_at() }} as said_at,
        {{ version_rank() }} as version_rank
    from {{ ref("int_company_versions") }}
),

stages as (
    select * from {{ ref("lifecycle_stages") }}
),

stage_since as (
    {{ said_since("versions", "lifecycle_stage") }}
),

mailed as (
    select distinct email_domain from {{ ref("int_addresses") }}
    where email_domain is not null
),

free_mail as (
    select * from {{ ref("free_mail_domains") }}
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'company'
),

newest as (
    select
        *,
        {{ comparable("name") }} as comparable_name,
        {{ host_of("domain") }} as site
    from versions
    where version_rank = 1 and op = 'upsert'
),

-- Mail comes from the registrable domain, the site may lie one or two names below it.
domains as (
    select
        n.*,
        case
            when f.email_domain is null and n.site like '%.%'
                then coalesce(a.email_domain, b.email_domain, c.email_domain, n.site)
        end as email_domain
    from newest as n
    left join mailed as a on n.site = a.email_domain
    left join mailed as b on {{ parent_host("n.site") }} = b.email_domain
    left join mailed as c on {{ parent_host(parent_host("n.site")) }} = c.email_domain
    left join free_mail as f on coalesce(a.email_domain, b.email_domain, c.email_domain, n.site) = f.email_domain
),

-- Two firms of one name with domains of their own are two; else the name tells a firm in every source.
named as (
    select
        d.*,
        case
            when
                b.value is null
                and coalesce(max(d.email_domain) over one_name = min(d.email_domain) over one_name, true)
                then d.comparable_name
        end as telling_name
    from domains as d
    left join blocked as b on d.comparable_name = b.value
    window one_name as (partition by d.comparable_name)
),

final as (
    select
        v.source_id,
        v.company_id,
        case
            when v.telling_name is not null then {{ key(["'company'", "v.telling_name"]) }}
            else {{ key(["'crm'", "v.source_id", "v.company_id"]) }}
        end as company_key,
        case when v.email_domain is not null then {{ key(["'domain'", "v.email_domain"]) }} end as domain_key,
        coalesce(nullif(trim(v.name), ''), v.email_domain, v.company_id) as name,
        v.email_domain,
        nullif(trim(v.lifecycle_stage), '') as lifecycle_stage,
        g.stage,
        case when v.lifecycle_stage is not null then s.since end as stage_since,
        {{ owner_of("v") }},
        v.said_at as changed_at,
        v.landed_at as known_at
    from named as v
    inner join stage_since as s on v.source_id = s.source_id and v.record_key = s.record_key
    left join stages as g on {{ comparable_stage("trim(v.lifecycle_stage)") }} = g.lifecycle_stage
)

select * from final
