with

facts as (
    select * from {{ ref("int_stated_facts") }}
    where fact = 'interest' and product_key is null and said_at <= {{ as_of() }}
),

kept as (
    select * from {{ ref("memory_facts") }}
    where fact = 'interest' and kind = 'said'
),

-- What was said again before it expired has held since the first time.
followed as (
    select
        f.person_id,
        f.topic,
        f.value,
        f.said_at,
        lag(f.value) over said_before as value_before,
        lag({{ after("f.said_at", "k.days", "day") }}) over said_before as held_until,
        row_number() over (partition by f.person_id, f.topic order by f.said_at desc, f.tie asc) as newness,
        {{ after("f.said_at", "k.days", "day") }} as expires_at
    from facts as f
    cross join kept as k
    window said_before as (partition by f.person_id, f.topic order by f.said_at asc, f.tie desc)
),

final as (
    select
        person_id,
        topic,
        max(case
            when
                value = 'interested'
                and (value_before is distinct from 'interested' or held_until <= said_at)
                then said_at
        end) as since
    from followed
    group by person_id, topic
    having max(case when newness = 1 and value = 'interested' then expires_at end) > {{ as_of() }}
)

select * from final
