with

versions as (
    select * from {{ ref("int_product_versions") }}
),

ranked as (
    select
        *,
        {{ version_rank() }} as version_rank
    from versions
),

final as (
    select
        {{ key(["source_id", "product_id"]) }} as product_key,
        source_id,
        id_space,
        product_id,
        name,
        category,
        price_minor,
        currency,
        in_stock,
        created_at,
        changed_at
    from ranked
    where version_rank = 1 and op = 'upsert'
)

select * from final
