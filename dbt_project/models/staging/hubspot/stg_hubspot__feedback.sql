{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set names = [
    "id", "created", "type", "recipient", "programme", "campaign", "url", "category", "status", "dropReason",
    "portalSubscriptionStatus", "filteredEvent",
] %}
{% set fields = {"sentBy": {"id": "text"}, "subscriptions": [{"id": "text", "status": "text"}]} %}
{% for name in names %}{% do fields.update({name: "text"}) %}{% endfor %}
{# Failures of the message, the sender or the moment: another message may arrive. #}
{% set passing = "'MAILBOX_FULL', 'SPAM', 'POLICY', 'CONTENT', 'IP_REPUTATION', 'DOMAIN_REPUTATION', 'GREYLISTING'" %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("hubspot", "email_events") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        coalesce(j.sentBy.id, case when j.type = 'SENT' then j.id end) as vendor_message_id,
        nullif(trim(j.recipient), '') as email_raw,
        j.programme as programme,
        j.campaign as campaign_id,
        case j.type
            when 'SENT' then 'sent'
            when 'DELIVERED' then 'delivered'
            when 'OPEN' then 'opened'
            when 'CLICK' then 'clicked'
            when 'BOUNCE' then 'bounced'
            when 'DROPPED' then 'dropped'
            when 'SPAMREPORT' then 'complained'
            when 'STATUSCHANGE' then 'unsubscribed'
        end as kind,
        case j.type
            when 'BOUNCE' then coalesce(nullif(j.status, ''), lower(nullif(j.category, '')))
            when 'DROPPED' then lower(j.dropReason)
        end as why,
        upper(coalesce(j.category, '')) = 'UNKNOWN_USER' or (
            upper(coalesce(j.category, '')) not in ({{ passing }})
            and coalesce(j.status like '5.1.%' or j.status in ('5.2.1', '5.0.0', '5.5.0'), false)
        ) as is_permanent,
        {{ to_bool("j.filteredEvent") }} as is_filtered,
        j.url as url,
        {{ from_millis(to_int("j.created")) }} as told_at
    from records
    -- Of what only concerns HubSpot's own queue, and of who subscribed, nothing comes back to a message.
    where
        j.type is null
        or j.type in ('SENT', 'DELIVERED', 'OPEN', 'CLICK', 'BOUNCE', 'DROPPED', 'SPAMREPORT')
        or (
            j.type = 'STATUSCHANGE'
            and (
                j.portalSubscriptionStatus = 'UNSUBSCRIBED'
                or {{ field_where("j.subscriptions", "status", "UNSUBSCRIBED", "status") }} is not null
            )
        )
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["kind is null", "type is missing"],
            ["email_raw is null", "it names no recipient"],
            ["told_at is null", "created is no time"],
        ]) }} as reason
    from typed
),

final as (
    select
        {{ lake_columns() }},
        cast(null as {{ dbt.type_string() }}) as message_key,
        vendor_message_id,
        email_raw,
        cast(null as {{ dbt.type_string() }}) as phone_raw,
        programme,
        campaign_id,
        'email' as channel,
        kind,
        case when kind = 'bounced' then is_permanent end as is_hard,
        case when kind in ('opened', 'clicked') then is_filtered end as is_machine,
        case when kind = 'clicked' then nullif({{ page_of("url") }}, '') end as url,
        why as reason,
        least(told_at, landed_at) as occurred_at,
        {{ day_of("least(told_at, landed_at)") }} as occurred_on,
        nullif(judged.reason, '') as reject_reason,
        case when judged.reason <> '' then payload end as payload
    from judged
)

select * from final
