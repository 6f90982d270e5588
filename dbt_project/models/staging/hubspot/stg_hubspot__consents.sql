{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "key": "text", "contactKey": "text", "subscriberIdString": "text", "subscriptionId": "text", "channel": "text",
    "status": "text", "timestamp": "text", "legalBasis": "text", "source": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("hubspot", "subscriptions") }} as lake
),

fields as (
    select * from {{ ref("consent_fields") }}
    where vendor = 'hubspot'
),

parsed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.contactKey as customer_id,
        nullif(trim(j.subscriberIdString), '') as email_raw,
        j.subscriptionId as type_id,
        case
            when j.status = 'UNSUBSCRIBED' then 'withdrawn'
            when j.status = 'SUBSCRIBED' and j.subscriptionId is not null then 'granted'
            else 'unclear'
        end as state,
        -- HubSpot's words for another basis than consent hold for nothing here.
        case
            when coalesce(j.legalBasis, 'NON_GDPR') not in ('CONSENT_WITH_NOTICE', 'NON_GDPR', 'PROCESS_AND_STORE')
                then lower(j.legalBasis)
        end as other_basis,
        concat('hubspot ', coalesce(j.subscriptionId, 'all'), ' ', coalesce(lower(j.source), 'unknown')) as proof,
        {{ to_utc("j.timestamp") }} as told_at
    from records
),

-- Whoever left all emails left each purpose. Of types that the seed does not name, nothing is known here.
typed as (
    select
        p.*,
        coalesce(f.channel, 'email') as channel,
        coalesce(f.purpose, 'marketing') as purpose,
        coalesce(p.other_basis, f.legal_basis, 'consent') as legal_basis,
        concat(p.record_key, ' ', coalesce(f.channel, 'email'), ' ', coalesce(f.purpose, 'marketing')) as consent_id
    from parsed as p
    left join fields as f on p.type_id = f.field or p.type_id is null
    where p.type_id is null or f.field is not null
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["email_raw is null", "it names no email"],
            ["state = 'granted' and told_at is null", "it has no time"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() | replace("record_key", "consent_id as record_key") }},
        consent_id,
        customer_id,
        email_raw,
        cast(null as {{ dbt.type_string() }}) as phone_raw,
        channel,
        purpose,
        state,
        legal_basis,
        proof,
        least(coalesce(told_at, landed_at), landed_at) as given_at,
        cast(null as {{ dbt.type_timestamp() }}) as confirmed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
