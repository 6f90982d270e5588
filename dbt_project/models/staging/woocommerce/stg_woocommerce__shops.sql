{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

with

records as (
    select
        *,
        {{ typed_json("payload", {"code": "text"}) }} as j
    from {{ lake("woocommerce", "shops") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        upper(j.code) as currency
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            [is_no_currency("currency"), "code is no ISO 4217 code"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        currency,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
