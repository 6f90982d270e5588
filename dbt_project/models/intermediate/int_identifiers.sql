with

-- Staging trims what it joins on; what was landed is as it was written.
identifiers as (
    select
        *,
        trim(raw_value) as trimmed_value
    from {{ ref("stg_parley__identifiers") }}
    where reject_reason is null
),

ranked as (
    select
        *,
        {{ version_rank("identifier_type, trimmed_value") }} as version_rank
    from identifiers
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type in ('email', 'phone')
),

-- What is put where there is none has the form of an address, and is nobody's.
final as (
    select
        i.identifier_type,
        i.trimmed_value as raw_value,
        {% for column in ["normalised_value", "node_id", "address", "email_domain"] %}
        case when b.value is null then i.{{ column }} end as {{ column }},
        {% endfor %}
        i.is_valid and b.value is null as is_valid,
        case when b.value is null then i.invalid_reason else 'blocked' end as invalid_reason,
        i.landed_at
    from ranked as i
    left join blocked as b
        on i.identifier_type = b.identifier_type and i.normalised_value = b.value
    where i.version_rank = 1
)

select * from final
