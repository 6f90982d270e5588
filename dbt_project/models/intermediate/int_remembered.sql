with

memory as (
    select * from {{ ref("memory") }}
    where is_current and product_key is null
),

-- What holds of the topic: stated where it was stated, else inferred.
liked as (
    select * from memory
    where fact = 'interest' and value = 'interested'
),

deeds as (
    select *
    from memory
    where fact in ('bought', 'downloaded') and value is not null
    qualify row_number() over (partition by person_id, topic order by said_at desc, fact asc) = 1
),

read as (
    select
        l.person_id,
        l.topic,
        l.kind,
        case l.kind when 'said' then l.fact else d.fact end as fact,
        case l.kind when 'said' then l.said_at else d.said_at end as said_at,
        d.value,
        replace(l.topic, '_', ' ') as range_name
    from liked as l
    left join deeds as d on l.person_id = d.person_id and l.topic = d.topic
),

final as (
    select
        person_id,
        topic,
        kind,
        fact,
        said_at,
        case fact
            when 'interest' then concat('You told us that you like our ', range_name, ' range.')
            when 'bought' then concat('You bought ', value, ' from our ', range_name, ' range.')
            else concat('You asked for ', value, '.')
        end as sentence
    from read
    where fact is not null
)

select * from final
