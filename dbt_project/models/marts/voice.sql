{# Words are quoted if so many different people, known by more than a device, used the same. #}
{% set fewest_people = 3 %}

with

statements as (
    select * from {{ ref("int_statements") }}
    where source <> 'download'
),

returned as (
    select * from {{ ref("int_returned_lines") }}
),

told as (
    select
        person_id,
        topic,
        product_key,
        product_name,
        source,
        said_at,
        is_negative,
        case when is_known then person_id end as known_person,
        coalesce(
            words,
            case when choice not in ('interested', 'not_interested') then replace(choice, '_', ' ') end,
            replace(call_result, '_', ' ')
        ) as words
    from statements
    union all
    select
        n.person_id,
        coalesce(p.category, 'general') as topic,
        r.product_key,
        p.name as product_name,
        'return' as source,
        r.ordered_at as said_at,
        true as is_negative,
        cast(null as {{ dbt.type_string() }}) as known_person,
        cast(null as {{ dbt.type_string() }}) as words
    from returned as r
    inner join {{ ref("people_nodes") }} as n on r.node_id = n.node_id
    left join {{ ref("products") }} as p on r.product_key = p.product_key
),

placed as (
    select
        *,
        {{ day_of("date_trunc('week', said_at)") }} as week_on,
        {{ key(["topic", "product_key", day_of("date_trunc('week', said_at)"), "source"]) }} as voice_key
    from told
),

quotable as (
    select
        source,
        words
    from placed
    where words is not null
    group by source, words
    having count(distinct known_person) >= {{ fewest_people }}
),

quotes as (
    select
        p.voice_key,
        p.words,
        count(distinct p.person_id) as people
    from placed as p
    inner join quotable as q on p.source = q.source and p.words = q.words
    group by p.voice_key, p.words
),

quoted as (
    select
        voice_key,
        {{ ordered_list("words", "people desc, words asc", most=3) }} as examples
    from quotes
    group by voice_key
),

final as (
    select
        p.voice_key,
        p.topic,
        coalesce(p.product_key, '') as product_key,
        max(p.product_name) as product_name,
        p.week_on,
        p.source,
        count(*) as statements,
        count(distinct p.person_id) as people,
        cast(sum(case when p.is_negative then 1 else 0 end) * 1e0 / count(*) as numeric(9, 6)) as share_negative,
        max(q.examples) as examples
    from placed as p
    left join quoted as q on p.voice_key = q.voice_key
    group by p.voice_key, p.topic, coalesce(p.product_key, ''), p.week_on, p.source
)

select * from final
