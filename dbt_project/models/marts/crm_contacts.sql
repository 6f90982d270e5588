with

contacts as (
    select * from {{ ref("int_contacts") }}
),

companies as (
    select * from {{ ref("int_company_accounts") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

accounts as (
    select * from {{ ref("account_members") }}
    where is_main
),

final as (
    select
        c.contact_key,
        c.source_id,
        c.contact_id,
        c.node_id,
        coalesce(k.account_id, a.account_id) as account_id,
        c.lifecycle_stage,
        c.stage_since as since,
        c.owner,
        c.created_at,
        c.changed_at,
        c.known_at
    from contacts as c
    left join companies as k on c.source_id = k.source_id and c.company_id = k.company_id
    left join nodes as n on c.node_id = n.node_id
    left join accounts as a on n.person_id = a.person_id
)

select * from final
