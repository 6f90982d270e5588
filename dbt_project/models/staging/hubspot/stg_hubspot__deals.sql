{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "id": "text", "updatedAt": "text", "owner": "text", "contactKey": "text", "companies": ["text"],
    "companyCurrency": "text", "properties": {
        "dealname": "text", "pipeline": "text", "dealstage": "text", "hs_is_closed": "text", "hs_is_closed_won": "text",
        "amount": "text", "deal_currency_code": "text", "createdate": "text",
        "closedate": "text",
    },
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("hubspot", "deals") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.id as deal_id,
        {{ first_of("j.companies") }} as company_id,
        j.contactKey as contact_id,
        nullif(trim(j.properties.dealname), '') as name,
        lower(nullif(trim(j.properties.pipeline), '')) as pipeline,
        lower(nullif(trim(j.properties.dealstage), '')) as stage,
        lower(coalesce(j.properties.hs_is_closed_won, '')) = 'true' as is_won,
        lower(coalesce(j.properties.hs_is_closed, '')) = 'true' as is_closed,
        nullif(j.properties.amount, '') as amount,
        upper(coalesce(nullif(trim(j.properties.deal_currency_code), ''), j.companyCurrency)) as currency,
        j.owner,
        {{ to_utc("j.properties.createdate") }} as created_at,
        {{ to_utc("j.updatedAt") }} as changed_at,
        {{ to_day("j.properties.closedate") }} as closed_on
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["deal_id is null or " ~ is_no_id("deal_id"), "id is missing, or no whole number"],
            ["amount is not null and " ~ is_no_currency("currency"), "its currency is no ISO 4217 code"],
            ["amount is not null and " ~ to_minor("amount", "currency") ~ " is null", "amount is no number"],
        ]) }} as reason
    from typed
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
        is_won or is_closed as is_closed,
        {{ to_minor("amount", "currency") }} as amount_minor,
        currency,
        {{ owner_of("judged") }},
        created_at,
        changed_at,
        closed_on,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
