{{ config(materialized="view") }}

with

versions as (
    select * from {{ ref("stg_parley__messages") }}
    where reject_reason is null
),

ranked as (
    select
        *,
        row_number() over (partition by message_key order by change_seq desc, landed_at desc) as version_rank
    from versions
),

final as (
    select
        message_key,
        run_id,
        programme,
        campaign_id,
        occasion,
        step,
        variant,
        channel,
        purpose,
        kind,
        person_id,
        address_hash as address_node,
        planned_as_of,
        state,
        refusal,
        destination,
        reserved_at,
        accepted_at,
        sent_at,
        delivered_at,
        landed_at
    from ranked
    where version_rank = 1
)

select * from final
