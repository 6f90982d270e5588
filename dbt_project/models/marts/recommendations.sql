with

ranked as (
    select * from {{ ref("int_recommend_ranked") }}
),

reasons as (
    select * from {{ ref("int_recommend_reasons") }}
),

refills as (
    select * from {{ ref("int_recommend_refills") }}
),

final as (
    select
        r.person_id,
        r.kind,
        cast(r.rank as {{ dbt.type_bigint() }}) as rank,
        r.product_key,
        r.product_id,
        r.name,
        r.category,
        cast(r.score as numeric(18, 6)) as score,
        case
            when r.is_liked then concat('you said you like ', replace(r.category, '_', ' '))
            when f.is_due then concat('time to refill ', r.name)
            when r.kind = 'repeat' and f.bought_days > 1
                then concat('you bought it on ', cast(f.bought_days as {{ dbt.type_string() }}), ' days')
            when r.kind = 'repeat' then 'you bought it before'
            when n.bought_with is not null then concat('bought with ', n.bought_with)
            when r.category is not null then concat('popular in ', replace(r.category, '_', ' '))
            else 'popular in the shop'
        end as reason,
        r.formula
    from ranked as r
    left join reasons as n on r.person_id = n.person_id and r.product_key = n.product_key and r.kind = n.kind
    left join refills as f on r.person_id = f.person_id and r.product_key = f.product_key and r.kind = f.kind
)

select * from final
