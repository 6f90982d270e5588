with

versions as (
    select * from {{ ref("int_product_versions") }}
    where op = 'upsert'
),

compared as (
    select
        *,
        row_number() over by_product as version_no,
        lag(price_minor) over by_product as was_price_minor,
        lag(currency) over by_product as was_currency,
        lag(in_stock) over by_product as was_in_stock
    from versions
    window by_product as (
        partition by source_id, record_key
        order by landed_at, record_at nulls first, batch_id, seq
    )
),

final as (
    select
        {{ key(["batch_id", "seq", "product_id"]) }} as product_change_key,
        {{ key(["source_id", "product_id"]) }} as product_key,
        source_id,
        product_id,
        coalesce(changed_at, landed_at) as changed_at,
        landed_at as known_at,
        price_minor,
        was_price_minor,
        currency,
        was_currency,
        in_stock,
        was_in_stock
    from compared
    where
        version_no = 1
        or price_minor is distinct from was_price_minor
        or currency is distinct from was_currency
        or in_stock is distinct from was_in_stock
)

select * from final
