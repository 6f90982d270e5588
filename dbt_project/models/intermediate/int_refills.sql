{# Before so much of the usual time is over, nothing runs out; see int_recommend_refills. #}
{% set nearly = 0.8 %}

with

refills as (
    select * from {{ ref("int_recommend_refills") }}
    where usual_days is not null
),

products as (
    select * from {{ ref("products") }}
),

purchases as (
    select * from {{ ref("int_product_purchases") }}
),

-- Habits are measured once a day: what was bought again since then ends the wait at once. Sources that
-- share their ids may list the same product twice.
final as (
    select
        r.person_id,
        p.product_key,
        p.id_space,
        p.product_id,
        r.last_bought_on,
        r.usual_days,
        {{ after("cast(r.last_bought_on as " ~ dbt.type_timestamp() ~ ")",
            "cast(ceil(r.usual_days * " ~ nearly ~ ") as integer)", "day") }} as runs_out_at
    from refills as r
    inner join products as p on r.product_key = p.product_key
    left join purchases as b
        on r.person_id = b.person_id and p.id_space = b.id_space and p.product_id = b.product_id
    where b.last_bought_at is null or {{ day_of("b.last_bought_at") }} <= r.last_bought_on
    qualify
        row_number() over (
            partition by r.person_id, p.id_space, p.product_id
            order by r.last_bought_on desc, p.product_key asc
        ) = 1
)

select * from final
