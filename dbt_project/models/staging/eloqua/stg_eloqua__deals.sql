{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "DealId", "AccountId", "ContactKey", "Name", "Pipeline", "Stage", "IsWon", "IsClosed", "Amount", "Currency",
    "Owner", "CreatedAt", "UpdatedAt", "ClosedOn",
] %}
{% set fields = {} %}
{% for name in names %}{% do fields.update({name: "text"}) %}{% endfor %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("eloqua", "deals") }} as lake
),

-- Where no field says how it ended, its stage does: 'Closed Won' and 'Closed Lost', as CRMs call it.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        nullif(trim(j.DealId), '') as deal_id,
        nullif(j.AccountId, '') as company_id,
        j.ContactKey as contact_id,
        nullif(trim(j.Name), '') as name,
        lower(nullif(trim(j.Pipeline), '')) as pipeline,
        lower(nullif(trim(j.Stage), '')) as stage,
        {{ to_bool("nullif(j.IsWon, '')") }} as is_won_told,
        {{ to_bool("nullif(j.IsClosed, '')") }} as is_closed_told,
        nullif(trim(j.Amount), '') as amount,
        upper(nullif(trim(j.Currency), '')) as currency,
        nullif(split_part(trim(j.Owner), '@', 1), '') as owner,
        {{ to_utc("j.CreatedAt") }} as created_at,
        {{ to_utc("j.UpdatedAt") }} as changed_at,
        {{ to_day("j.ClosedOn") }} as closed_on
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["deal_id is null", "DealId is missing"],
            ["amount is not null and " ~ is_no_currency("currency"), "Currency is no currency"],
            ["amount is not null and " ~ to_minor("amount", "currency") ~ " is null", "Amount is no number"],
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
        coalesce(is_won_told, stage = 'closed won', false) as is_won,
        coalesce(is_closed_told or is_won_told, is_closed_told, is_won_told, stage like 'closed%', false) as is_closed,
        {{ to_minor("amount", "currency") }} as amount_minor,
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
