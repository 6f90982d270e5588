with

contacts as (
    select * from {{ ref("int_contacts") }}
    where node_id is not null
),

-- Several contacts may be of one person: as it was told last.
final as (
    select
        c.node_id,
        'crm' as basis,
        k.company_key,
        max_by(k.name, {{ moment_key("c.changed_at", "k.name") }}) as name,
        cast(null as {{ dbt.type_string() }}) as domain,
        min(c.company_since) as since,
        max(c.changed_at) as last_at
    from contacts as c
    inner join {{ ref("int_companies") }} as k on c.source_id = k.source_id and c.company_id = k.company_id
    group by c.node_id, k.company_key
)

select * from final
