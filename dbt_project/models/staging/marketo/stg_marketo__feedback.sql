{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "leadId": "text", "activityDate": "text", "activityTypeId": "text", "primaryAttributeValueId": "text",
    "programme": "text", "lead": {"email": "text"}, "attributes": [{"name": "text", "value": "text"}],
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("marketo", "activities") }} as lake
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.leadId as lead_id,
        j.activityTypeId as type_id,
        j.primaryAttributeValueId as mailing_id,
        nullif(trim(j.programme), '') as programme,
        nullif(trim(j.lead.email), '') as email_raw,
        {{ field_where("j.attributes", "name", "Campaign Run ID", "value") }} as campaign_run_id,
        {{ field_where("j.attributes", "name", "Is Bot Activity", "value") }} as bot,
        {{ field_where("j.attributes", "name", "Category", "value") }} as category,
        {{ field_where("j.attributes", "name", "Link", "value") }} as link,
        {{ to_utc("replace(j.activityDate, '+0000', 'Z')") }} as occurred_at
    from records
),

told as (
    select
        *,
        case type_id
            when '6' then 'sent'
            when '7' then 'delivered'
            when '8' then 'bounced'
            when '9' then 'unsubscribed'
            when '10' then 'opened'
            when '11' then 'clicked'
            when '27' then 'bounced'
        end as kind
    from typed
    -- A filled form is an event.
    where type_id is null or type_id <> '2'
),

judged as (
    select
        *,
        {{ first_reason([
            ["is_unreadable", "not a JSON object"],
            ["kind is null", "activityTypeId is unknown"],
            ["occurred_at is null", "activityDate is no time"],
            ["email_raw is null", "its lead has no address"],
        ]) }} as reject_reason
    from told
),

-- Of the bounces that are not soft, those of category 1 were taken for spam: the address is good.
final as (
    select
        {{ lake_columns() }},
        cast(null as {{ dbt.type_string() }}) as message_key,
        case
            when campaign_run_id is not null and mailing_id is not null and lead_id is not null
                then concat(campaign_run_id, '-', mailing_id, '-', lead_id)
        end as vendor_message_id,
        email_raw,
        cast(null as {{ dbt.type_string() }}) as phone_raw,
        programme,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'email' as channel,
        kind,
        case when kind = 'bounced' then type_id = '8' and coalesce(category, '') <> '1' end as is_hard,
        case when kind in ('opened', 'clicked') and bot is not null then {{ to_bool("bot") }} end as is_machine,
        case when kind = 'clicked' then {{ page_of("link") }} end as url,
        case when kind = 'bounced' then concat('category ', coalesce({{ to_int("category") }}, 0)) end as reason,
        least(occurred_at, landed_at) as occurred_at,
        {{ day_of("least(occurred_at, landed_at)") }} as occurred_on,
        reject_reason,
        case when reject_reason is not null then payload end as payload
    from judged
)

select * from final
