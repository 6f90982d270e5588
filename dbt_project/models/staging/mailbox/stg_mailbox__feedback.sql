{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "what", "problem", "message_key", "final_recipient", "action", "status", "code", "feedback_type", "occurred_at",
    "said_at", "received_at",
] %}
{% set fields = {} %}
{% for name in names %}{% do fields.update({name: "text"}) %}{% endfor %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("mailbox", ["reports", "replies", "unsubscribes"]) }} as lake
),

-- A failure is the address's own if the code says so: a full mailbox, a policy, a server that is away are not.
typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.problem as problem,
        j.message_key as message_key,
        nullif(trim(j.final_recipient), '') as email_raw,
        case
            when j.what = 'reply' then 'replied'
            when j.what = 'unsubscribe' then 'unsubscribed'
            when j.what = 'delivery-status' and j.action = 'failed' then 'bounced'
            when j.what = 'delivery-status' and j.action = 'delivered' then 'delivered'
            when j.what = 'delivery-status' and j.action in ('relayed', 'expanded') then 'sent'
            when j.what = 'feedback-report' and j.feedback_type in ('opt-out', 'opt-out-list') then 'unsubscribed'
            when
                j.what = 'feedback-report'
                and coalesce(j.feedback_type, 'abuse') not in (
                    'not-spam', 'auth-failure', 'miscategorized', 'dmarc'
                )
                then 'complained'
        end as kind,
        case
            when j.action = 'failed' then
                coalesce(
                    j.status like '5.1.%' or j.status in ('5.2.1', '5.0.0', '5.5.0')
                    or (j.status is null and j.code in ('550', '551', '553')),
                    false
                )
        end as is_hard,
        coalesce(j.status, j.code, j.feedback_type) as reason,
        {{ to_utc("j.occurred_at") }} as occurred_at,
        {{ to_utc("j.said_at") }} as said_at,
        least(coalesce({{ to_utc("j.received_at") }}, landed_at), landed_at) as received_at
    from records
),

judged as (
    select
        *,
        {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["problem is not null", "it names no recipient"],
            ["message_key is null", "it names no message of ours"],
            ["kind is null", "it tells of no end: a delay, or no complaint"],
        ]) }} as reject_reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        message_key,
        cast(null as {{ dbt.type_string() }}) as vendor_message_id,
        email_raw,
        cast(null as {{ dbt.type_string() }}) as phone_raw,
        cast(null as {{ dbt.type_string() }}) as programme,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'email' as channel,
        kind,
        is_hard,
        case when kind in ('replied', 'unsubscribed') then false end as is_machine,
        cast(null as {{ dbt.type_string() }}) as url,
        reason,
        -- Its clock is somebody else's: nothing happened after it was received.
        least(coalesce(occurred_at, said_at, received_at), received_at) as occurred_at,
        {{ day_of("least(coalesce(occurred_at, said_at, received_at), received_at)") }} as occurred_on,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
