with

versions as (
    select
        *,
        {{ written_at() }} as said_at,
        {{ version_rank() }} as version_rank,
        case
            when is_won then 'won'
            when is_closed then 'lost'
            else 'open'
        end as state
    from {{ ref("int_deal_versions") }}
),

state_since as (
    {{ said_since("versions", "case when op = 'upsert' then state end") }}
),

-- A deal that was closed long before it was seen closed is dated by the CRM's day; an expected day that lies
-- ahead dates nothing.
final as (
    select
        {{ key(["v.source_id", "v.deal_id"]) }} as deal_key,
        v.source_id,
        v.deal_id,
        v.company_id,
        v.contact_id,
        v.pipeline,
        v.stage,
        v.state,
        v.amount_minor,
        upper(v.currency) as currency,
        {{ owner_of("v") }},
        case when v.created_at is not null then least(v.created_at, v.said_at) end as created_at,
        v.said_at as changed_at,
        v.closed_on,
        case
            when v.state <> 'open'
                then least(s.since, {{ after("cast(v.closed_on as " ~ dbt.type_timestamp() ~ ")", 1439, "minute") }})
        end as closed_at,
        v.landed_at as known_at
    from versions as v
    inner join state_since as s on v.source_id = s.source_id and v.record_key = s.record_key
    where v.version_rank = 1 and v.op = 'upsert'
)

select * from final
