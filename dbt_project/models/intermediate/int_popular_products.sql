with

lines as (
    select * from {{ ref("int_order_lines") }}
    where is_bought and ordered_at >= {{ ago(28, "day") }}
),

products as (
    select * from {{ ref("products") }}
    where in_stock and category is not null
),

sold as (
    select
        p.product_key,
        p.source_id,
        p.product_id,
        p.name,
        p.category,
        p.price_minor,
        p.created_at,
        count(l.order_line_key) as lines
    from products as p
    left join lines as l on p.product_key = l.product_key
    group by p.product_key, p.source_id, p.product_id, p.name, p.category, p.price_minor, p.created_at
),

final as (
    select
        *,
        row_number() over (partition by category order by lines desc, product_key asc) as rank_in_category
    from sold
)

select * from final
