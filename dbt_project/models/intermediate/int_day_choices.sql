{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="occurred_on",
    pre_hook="{{ clear_days('occurred_on', touched_days(ref('int_choice_versions'), 'occurred_on')) }}",
) }}
{% set days = touched_days(ref("int_choice_versions"), "occurred_on") %}

with

versions as (
    select *
    from {{ ref("int_choice_versions") }}
    where {{ in_days("occurred_on", days) }}
),

fields as (
    select * from {{ ref("consent_fields") }}
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
    where identifier_type = 'email' and is_valid
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

answers as (
    select
        v.source_id,
        v.batch_id,
        v.seq,
        v.landed_at,
        v.occurred_at,
        v.occurred_on,
        {{ node("user_id", "case when b.value is null then v.user_id end", "v.id_space") }} as user_node,
        e.node_id as email_node,
        f.field,
        f.channel,
        f.purpose,
        f.legal_basis,
        v.is_allowed
    from versions as v
    inner join fields as f on v.vendor = f.vendor and v.field = f.field
    left join identifiers as e on v.email_raw = e.raw_value
    left join blocked as b on lower(v.user_id) = b.value
),

judged as (
    select
        *,
        {{ answer_differs() }} as is_different
    from answers
),

-- Trackers repeat the answers with every event.
final as (
    select
        source_id,
        batch_id,
        seq,
        landed_at,
        occurred_at,
        occurred_on,
        user_node,
        email_node,
        field,
        channel,
        purpose,
        legal_basis,
        is_allowed
    from judged
    where is_different
    {{ in_day_order("occurred_on") }}
)

select * from final
