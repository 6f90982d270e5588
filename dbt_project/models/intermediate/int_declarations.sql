{{ config(materialized="view") }}

with

declarations as (
    select * from {{ ref("int_store_declarations") }}
    where state <> 'none'
    union all
    select * from {{ ref("int_web_declarations") }}
    where state <> 'none'
    union all
    select * from {{ ref("int_feedback_declarations") }}
),

-- Whatever is not service is marketing, where somebody takes it back.
worded as (
    select
        declaration_key,
        source_id,
        declaration_id,
        address_type,
        address_node,
        user_node,
        channel,
        case
            when state <> 'granted' and coalesce(purpose, '') not in ('service', 'marketing') then 'marketing'
            else purpose
        end as purpose,
        state,
        {{ legal_basis_of("legal_basis") }} as legal_basis,
        nullif(trim(proof), '') as proof,
        valid_from,
        confirmed_at,
        known_at
    from declarations
),

final as (
    select
        *,
        {{ first_reason([
            ["address_node is null", "it names no address that is valid"],
            ["channel is null or channel not in ('email', 'call', 'post', 'meeting')", "its channel is not known"],
            ["purpose is null or purpose not in ('service', 'marketing')", "its purpose is not known"],
            ["valid_from is null", "it has no time"],
        ]) }} as problem
    from worded
)

select * from final
