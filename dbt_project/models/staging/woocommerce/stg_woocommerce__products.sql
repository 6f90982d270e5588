{{ config(materialized="incremental", incremental_strategy=by_day(), partition_by="landed_on") }}

{% set fields = {
    "id": "text", "name": "text", "status": "text", "price": "text", "stock_status": "text",
    "date_created_gmt": "text", "date_modified_gmt": "text", "categories": [{"name": "text"}],
} %}

with

records as (
    select
        *,
        {{ typed_json("payload", fields) }} as j
    from {{ lake("woocommerce", "products") }} as lake
),

-- A product does not tell its currency: it is the shop's own, as it was known by then.
currencies as (
    select
        source_id,
        currency,
        landed_at as since,
        lead(landed_at) over (partition by source_id order by landed_at, batch_id, seq) as until
    from {{ ref("stg_woocommerce__shops") }}
    where reject_reason is null and op = 'upsert'
),

typed as (
    select
        {{ lake_columns() }},
        payload,
        j is null as is_unreadable,
        j.id as product_id,
        replace(j.name, '&amp;', '&') as name,
        lower(replace(nullif(trim({{ first_of("j.categories") }}.name), ''), '&amp;', '&')) as category,
        nullif(trim(j.price), '') as price,
        coalesce(j.stock_status in ('instock', 'onbackorder') and j.status = 'publish', false) as in_stock,
        {{ to_utc("j.date_created_gmt") }} as created_at,
        {{ to_utc("j.date_modified_gmt") }} as changed_at
    from records
),

priced as (
    select
        t.*,
        c.currency,
        {{ to_minor("t.price", "c.currency") }} as price_minor
    from typed as t
    left join currencies as c
        on
            t.source_id = c.source_id and t.landed_at >= c.since
            and (c.until is null or t.landed_at < c.until)
),

judged as (
    select
        *,
        {{ first_reason([
            ["op = 'delete'", ""],
            ["is_unreadable", "not a JSON object"],
            ["product_id is null", "id is missing"],
            [is_no_id("product_id"), "id is no whole number"],
            ["price is not null and price_minor is null", "price is no number"],
            ["price_minor < 0", "price is negative"],
        ]) }} as reason
    from priced
),

final as (
    select
        {{ lake_columns() }},
        product_id,
        name,
        category,
        price_minor,
        currency,
        in_stock,
        created_at,
        changed_at,
        nullif(reason, '') as reject_reason,
        case when reason <> '' then payload end as payload
    from judged
)

select * from final
