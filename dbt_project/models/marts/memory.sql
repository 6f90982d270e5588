with

facts as (
    select * from {{ ref("int_stated_facts") }}
    union all
    select * from {{ ref("int_deeds") }}
),

kept as (
    select * from {{ ref("memory_facts") }}
),

newest as (
    select *
    from facts
    where said_at <= {{ as_of() }}
    qualify
        row_number() over (
            partition by person_id, topic, product_key, fact, kind
            order by said_at desc, tie asc
        ) = 1
),

-- Who buys or reads in a topic cares for it, as far as we can tell.
inferred as (
    select
        *,
        row_number() over (
            partition by person_id, topic
            order by said_at desc, fact asc
        ) as newness
    from newest
    where fact in ('bought', 'downloaded')
),

remembered as (
    select
        person_id,
        topic,
        product_key,
        fact,
        kind,
        value,
        source_id,
        said_at,
        known_at
    from newest
    union all
    select
        person_id,
        topic,
        product_key,
        'interest' as fact,
        kind,
        'interested' as value,
        source_id,
        said_at,
        known_at
    from inferred
    where newness = 1
),

timed as (
    select
        r.*,
        {{ after("r.said_at", "k.days", "day") }} as expires_at
    from remembered as r
    inner join kept as k on r.fact = k.fact and r.kind = k.kind
),

stated as (
    select
        person_id,
        topic
    from timed
    where fact = 'interest' and kind = 'said' and product_key is null and expires_at > {{ as_of() }}
),

-- Stated beats inferred, as long as it has not expired.
final as (
    select
        {{ key(["t.person_id", "t.topic", "t.fact", "t.kind", "t.product_key"]) }} as memory_key,
        t.person_id,
        t.topic,
        t.product_key,
        t.fact,
        t.kind,
        t.value,
        t.source_id,
        t.said_at,
        t.known_at,
        t.expires_at,
        t.expires_at > {{ as_of() }}
        and not (t.fact = 'interest' and t.kind = 'did' and s.topic is not null) as is_current
    from timed as t
    left join stated as s on t.person_id = s.person_id and t.topic = s.topic
)

select * from final
