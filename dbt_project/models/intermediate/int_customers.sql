with

versions as (
    select * from {{ ref("int_customer_versions") }}
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

ranked as (
    select
        *,
        {{ version_rank() }} as version_rank
    from versions
),

-- Every version counts for identity, only the newest for what a person is now.
final as (
    select
        v.source_id,
        v.record_key,
        v.version_rank,
        v.customer_id,
        {{ node("user_id", "case when b.value is null then v.customer_id end", "v.id_space") }} as user_node,
        e.node_id as email_node,
        coalesce(e.normalised_value, lower(v.email_raw)) as mailbox,
        p.node_id as phone_node,
        {{ node("loyalty_card", "v.loyalty_card", "v.id_space") }} as card_node,
        v.country,
        v.language,
        v.time_zone,
        v.is_staff,
        v.is_test,
        v.created_at,
        v.first_name,
        v.last_name,
        v.born_on,
        v.street,
        v.postcode,
        v.city,
        v.company,
        v.landed_at,
        v.version_rank = 1 and v.op = 'upsert' as is_current
    from ranked as v
    left join identifiers as e
        on v.email_raw = e.raw_value and e.identifier_type = 'email'
    left join identifiers as p
        on v.phone_raw = p.raw_value and p.identifier_type = 'phone'
    left join blocked as b on lower(v.customer_id) = b.value
)

select * from final
