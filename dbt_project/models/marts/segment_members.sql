with

segments as (
    select
        s.*,
        p.first_seen_at,
        p.first_order_at,
        p.last_order_at
    from {{ ref("segments") }} as s
    inner join {{ ref("people") }} as p on s.person_id = p.person_id
),

memory as (
    select * from {{ ref("memory") }}
),

-- Since when: the moment from which the segment's own rule has held.
lifecycle as (
    select
        person_id,
        concat('lifecycle_', lifecycle) as segment,
        case lifecycle
            when 'prospect' then first_seen_at
            when 'new' then first_order_at
            when 'active' then {{ after("first_order_at", 30, "day") }}
            when 'at_risk' then {{ after("last_order_at", 90, "day") }}
            else {{ after("last_order_at", 180, "day") }}
        end as since
    from segments
),

value as (
    select
        person_id,
        concat('value_', value_tier) as segment,
        cast(null as {{ dbt.type_timestamp() }}) as since
    from segments
    where value_tier is not null
),

stated as (
    select
        person_id,
        concat('likes_', topic) as segment,
        said_at as since
    from memory
    where fact = 'interest' and kind = 'said' and value = 'interested' and product_key is null and is_current
),

final as (
    select * from lifecycle
    union all
    select * from value
    union all
    select * from stated
)

select * from final
