with

segments as (
    select * from {{ ref("segments") }}
),

people as (
    select * from {{ ref("people") }}
),

engagement as (
    select * from {{ ref("int_engagement") }}
),

-- They are active since the last purchase that ended a pause for which they were at risk.
habits as (
    select
        person_id,
        min(first_at) as first_at,
        max(last_at) as last_at,
        max(case
            when before_at is null or {{ after("before_at", 90, "day") }} < first_at then first_at
        end) as active_at
    from {{ ref("int_purchase_days") }}
    group by person_id
),

-- Since when: the moment from which the segment's own rule has held.
lifecycle as (
    select
        s.person_id,
        concat('lifecycle_', s.lifecycle) as segment,
        case s.lifecycle
            when 'prospect' then p.first_seen_at
            when 'new' then h.first_at
            when 'active' then greatest(h.active_at, {{ after("h.first_at", 30, "day") }})
            when 'at_risk' then {{ after("h.last_at", 90, "day") }}
            else {{ after("h.last_at", 180, "day") }}
        end as since
    from segments as s
    inner join people as p on s.person_id = p.person_id
    left join habits as h on s.person_id = h.person_id
),

-- Whoever is compared with others may change places without doing anything: nobody knows when.
compared as (
    {% for prefix, column in [("value", "value_tier"), ("rfm", "rfm_group")] %}
    select
        person_id,
        concat('{{ prefix }}_', {{ column }}) as segment,
        cast(null as {{ dbt.type_timestamp() }}) as since
    from segments
    where {{ column }} is not null
    {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (
    select * from lifecycle
    union all
    select * from compared
    union all
    select
        person_id,
        concat('engagement_', engagement) as segment,
        since
    from engagement
    union all
    select
        person_id,
        concat('likes_', topic) as segment,
        since
    from {{ ref("int_stated_likes") }}
    union all
    select
        person_id,
        segment,
        since
    from {{ ref("int_named_segments") }}
)

select * from final
