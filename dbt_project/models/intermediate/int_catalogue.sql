with

products as (
    select * from {{ ref("products") }}
),

sensitive as (
    select * from {{ ref("sensitive_categories") }}
),

-- What a thing says of whoever looked at it may be nobody's business.
hidden as (
    select distinct p.category
    from products as p
    inner join sensitive as s on replace(lower(p.category), '_', ' ') like concat('%', s.words, '%')
),

-- Sources that share their ids may list the same product twice: what changed last is what is true.
listed as (
    select *
    from products
    qualify
        row_number() over (
            partition by id_space, product_id
            order by changed_at desc nulls last, product_key asc
        ) = 1
),

final as (
    select
        l.product_key,
        l.id_space,
        l.product_id,
        l.name,
        l.category,
        l.price_minor,
        l.currency,
        l.in_stock,
        h.category is not null as is_sensitive
    from listed as l
    left join hidden as h on l.category = h.category
)

select * from final
