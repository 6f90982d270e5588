{{ config(materialized="view") }}

with

moments as (
    select {{ as_of() }} as as_of
),

open_campaigns as (
    {{ campaigns_at("moments") }}
),

offered as (
    {{ offered_at("moments") }}
),

final as (
    {{ campaign_terms(ref("int_person_terms"), "open_campaigns", "offered", ref("int_weights")) }}
)

select * from final
