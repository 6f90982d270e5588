with

days as (
    select * from {{ ref("int_item_days") }}
),

moments as (
    select * from {{ ref("int_item_moments") }}
),

final as (
    select
        m.is_now,
        d.person_id,
        d.source_id,
        d.product_key,
        count(*) as bought_days,
        max(d.bought_on) as last_bought_on,
        cast(sum({{ faded("1", "d.bought_on", "m.on_day", 14) }}) as numeric(18, 6)) as days_14,
        cast(sum({{ faded("1", "d.bought_on", "m.on_day", 60) }}) as numeric(18, 6)) as days_60,
        cast(sum({{ faded("1", "d.bought_on", "m.on_day", 180) }}) as numeric(18, 6)) as days_180
    from days as d
    inner join moments as m on d.bought_on between m.bought_since and m.on_day
    group by m.is_now, d.person_id, d.source_id, d.product_key
)

select * from final
