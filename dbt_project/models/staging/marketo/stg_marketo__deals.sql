{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "externalOpportunityId": "text", "externalCompanyId": "text", "name": "text", "type": "text", "stage": "text",
    "isWon": "text", "isClosed": "text", "amount": "text", "currency": "text", "externalSalesPersonId": "text",
    "createdAt": "text", "updatedAt": "text", "closeDate": "text", "leadKey": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("marketo", "opportunities") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        nullif(trim(j.externalOpportunityId), '') as deal_id,
        nullif(trim(j.externalCompanyId), '') as company_id,
        j.leadKey as contact_id,
        nullif(trim(j.name), '') as name,
        nullif(trim(j.type), '') as pipeline,
        lower(nullif(trim(j.stage), '')) as stage,
        coalesce({{ to_bool("j.isWon") }}, false) as is_won,
        coalesce({{ to_bool("j.isClosed") }}, false) as is_closed,
        nullif(trim(j.amount), '') as amount,
        upper(nullif(trim(j.currency), '')) as currency,
        nullif(trim(j.externalSalesPersonId), '') as owner,
        {{ to_utc("j.createdAt") }} as created_at,
        {{ to_utc("j.updatedAt") }} as changed_at,
        {{ to_day("j.closeDate") }} as closed_on
    from records
),

-- Marketo tells no currency: without the source's option an amount means nothing.
priced as (
    select
        *,
        case when currency is not null then {{ to_minor("amount", "currency") }} end as amount_minor
    from typed
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["deal_id is null", "externalOpportunityId is missing"],
            ["currency is not null and " ~ is_no_currency("currency"), "currency is no ISO 4217 code"],
            ["currency is not null and amount is not null and amount_minor is null", "amount is no number"],
        ]) }} as reason
    from priced
),

final as (
    select
        {{ lake_columns() }},
        deal_id,
        company_id,
        contact_id,
        name,
        pipeline,
        stage,
        is_won,
        is_closed,
        amount_minor,
        currency,
        owner,
        created_at,
        changed_at,
        closed_on,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
