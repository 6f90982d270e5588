with

-- What nobody touched for a quarter lies forgotten.
deals as (
    select * from {{ ref("deals") }}
    where not is_closed and changed_at > {{ ago(90, "day") }} and changed_at <= {{ as_of() }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

units as (
    select
        d.*,
        n.person_id,
        coalesce(d.account_id, n.person_id) as unit_id
    from deals as d
    left join nodes as n on d.node_id = n.node_id
),

final as (
    select
        deal_key,
        unit_id,
        account_id,
        person_id,
        pipeline,
        stage,
        owner,
        changed_at,
        row_number() over (partition by unit_id order by changed_at desc, deal_key asc) = 1 as is_main
    from units
    where unit_id is not null
)

select * from final
