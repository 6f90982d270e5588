{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "leadKey": "text", "email": "text", "phone": "text", "mobilePhone": "text", "unsubscribed": "text", "doNotCall": "text",
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("marketo", "leads") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.leadKey as customer_id,
        nullif(trim(j.email), '') as email_raw,
        coalesce(nullif(trim(j.phone), ''), nullif(trim(j.mobilePhone), '')) as phone_raw,
        coalesce({{ to_bool("j.unsubscribed") }}, false) as is_unsubscribed,
        coalesce({{ to_bool("j.doNotCall") }}, false) as is_not_called
    from records
),

-- Marketo knows who left; that somebody did not leave is no permission.
declared as (
    select
        *,
        'email' as channel,
        case when is_unsubscribed then 'withdrawn' else 'none' end as state,
        'marketo unsubscribed' as proof
    from typed
    union all
    select
        *,
        'call' as channel,
        case when is_not_called and phone_raw is not null then 'withdrawn' else 'none' end as state,
        'marketo do not call' as proof
    from typed
    where not is_unreadable
),

judged as (
    select
        *,
        coalesce(concat(channel, ' ', coalesce(customer_id, record_key)), record_key) as consent_id,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["customer_id is null", "leadKey is missing"],
            ["state = 'withdrawn' and channel = 'email' and email_raw is null", "it names no email"],
        ]) }} as reason
    from declared
),

-- When somebody left is not told: it holds from when it was learned.
final as (
    select
        {{ lake_columns() | replace("record_key", "consent_id as record_key") }},
        consent_id,
        customer_id,
        email_raw,
        phone_raw,
        channel,
        'marketing' as purpose,
        state,
        'consent' as legal_basis,
        proof,
        cast(null as {{ dbt.type_timestamp() }}) as given_at,
        cast(null as {{ dbt.type_timestamp() }}) as confirmed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
