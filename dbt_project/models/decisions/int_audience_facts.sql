with

people as (
    select * from {{ ref("people") }}
),

segments as (
    select * from {{ ref("segments") }}
),

languages as (
    select * from {{ ref("int_person_languages") }}
),

stages as (
    select * from {{ ref("int_stages") }}
),

-- Words that last: what changes by the day would have everybody told anew each day. What somebody likes
-- stays here, since it may be sensitive.
final as (
    select
        p.person_id,
        {{ json_text({
            "language": "coalesce(l.language, p.language)",
            "country": "p.country",
            "lifecycle": "s.lifecycle",
            "stage": "t.stage",
            "engagement": "s.engagement",
            "value_tier": "s.value_tier",
            "rfm_group": "s.rfm_group",
            "is_customer": "p.is_customer",
            "order_count": "p.order_count",
            "last_order_on": day_of("p.last_order_at"),
        }) }} as properties
    from people as p
    inner join segments as s on p.person_id = s.person_id
    left join languages as l on p.person_id = l.person_id
    left join stages as t on p.person_id = t.person_id
)

select * from final
