with

versions as (
    select
        *,
        {{ written_at() }} as said_at,
        {{ version_rank() }} as version_rank
    from {{ ref("int_contact_versions") }}
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
    where node_id is not null
),

nodes as (
    select * from {{ ref("int_identity_nodes") }}
),

stages as (
    select * from {{ ref("lifecycle_stages") }}
),

stage_since as (
    {{ said_since("versions", "lifecycle_stage") }}
),

company_since as (
    {{ said_since("versions", "company_id") }}
),

newest as (
    select
        *,
        {{ node("user_id", "contact_id", "id_space") }} as user_node
    from versions
    where version_rank = 1 and op = 'upsert'
),

-- Whose it is, the CRM's own id tells best; a mailbox may be a family's.
final as (
    select
        {{ key(["v.source_id", "v.contact_id"]) }} as contact_key,
        v.source_id,
        v.contact_id,
        coalesce(u.node_id, m.node_id, t.node_id) as node_id,
        v.company_id,
        nullif(trim(v.lifecycle_stage), '') as lifecycle_stage,
        g.stage,
        case when v.lifecycle_stage is not null then s.since end as stage_since,
        case when v.company_id is not null then c.since end as company_since,
        {{ owner_of("v") }},
        case when v.created_at is not null then least(v.created_at, v.said_at) end as created_at,
        v.said_at as changed_at,
        v.landed_at as known_at
    from newest as v
    inner join stage_since as s on v.source_id = s.source_id and v.record_key = s.record_key
    inner join company_since as c on v.source_id = c.source_id and v.record_key = c.record_key
    left join identifiers as e on v.email_raw = e.raw_value and e.identifier_type = 'email'
    left join identifiers as p on v.phone_raw = p.raw_value and p.identifier_type = 'phone'
    left join nodes as u on v.user_node = u.node_id
    left join nodes as m on e.node_id = m.node_id
    left join nodes as t on p.node_id = t.node_id
    left join stages as g on {{ comparable_stage("trim(v.lifecycle_stage)") }} = g.lifecycle_stage
)

select * from final
