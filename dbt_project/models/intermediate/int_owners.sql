with

nodes as (
    select * from {{ ref("people_nodes") }}
),

-- Of themselves, else of their deal, else of their company.
told as (
    select
        n.person_id,
        c.owner,
        c.changed_at as said_at,
        1 as place
    from {{ ref("crm_contacts") }} as c
    inner join nodes as n on c.node_id = n.node_id
    union all
    select
        person_id,
        owner,
        changed_at as said_at,
        2 as place
    from {{ ref("int_open_deals") }}
    where person_id is not null
    union all
    select
        m.person_id,
        k.owner,
        k.changed_at as said_at,
        3 as place
    from {{ ref("account_members") }} as m
    inner join {{ ref("int_company_accounts") }} as k on m.account_id = k.account_id
    where m.is_main
),

ranked as (
    select
        *,
        row_number() over (partition by person_id order by place asc, said_at desc, owner asc) as rank
    from told
    where owner is not null
),

final as (
    select
        person_id,
        owner,
        said_at
    from ranked
    where rank = 1
)

select * from final
