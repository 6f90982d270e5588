{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "legacyResourceId": "text", "createdAt": "text",
    "defaultEmailAddress": {
        "emailAddress": "text", "marketingState": "text", "marketingOptInLevel": "text",
        "marketingUpdatedAt": "text",
    },
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("shopify", "customers") }} as lake
),

-- PENDING waits for its confirmation; who never subscribed has withdrawn nothing.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.legacyResourceId as customer_id,
        nullif(trim(j.defaultEmailAddress.emailAddress), '') as email_raw,
        lower(j.defaultEmailAddress.marketingOptInLevel) as opt_in_level,
        case upper(coalesce(j.defaultEmailAddress.marketingState, 'NOT_SUBSCRIBED'))
            when 'SUBSCRIBED' then 'granted'
            when 'UNSUBSCRIBED' then 'withdrawn'
            when 'REDACTED' then 'withdrawn'
            when 'INVALID' then 'withdrawn'
            when 'NOT_SUBSCRIBED' then 'none'
            when 'PENDING' then 'none'
            else 'unclear'
        end as state,
        {{ to_utc("j.defaultEmailAddress.marketingUpdatedAt") }} as told_at,
        {{ to_utc("j.createdAt") }} as created_at
    from records
),

judged as (
    select
        *,
        -- Without a time of its own, a grant counts from the beginning: every withdrawal holds.
        case when state = 'granted' then coalesce(told_at, created_at) when state <> 'none' then told_at end
            as given_at,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["customer_id is null", "legacyResourceId is missing"],
            [is_no_id("customer_id"), "legacyResourceId is no whole number"],
            ["state = 'granted' and email_raw is null", "it names no email"],
            ["state = 'granted' and coalesce(told_at, created_at) is null", "it has no time"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        concat('email ', customer_id) as consent_id,
        customer_id,
        email_raw,
        cast(null as {{ dbt.type_string() }}) as phone_raw,
        'email' as channel,
        'marketing' as purpose,
        state,
        'consent' as legal_basis,
        concat('shopify ', coalesce(opt_in_level, 'unknown')) as proof,
        case when given_at is not null then least(given_at, landed_at) end as given_at,
        case
            when state = 'granted' and opt_in_level = 'confirmed_opt_in' then least(given_at, landed_at)
        end as confirmed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
