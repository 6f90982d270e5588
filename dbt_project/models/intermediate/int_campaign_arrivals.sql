with

campaigns as (
    select * from {{ ref("campaigns") }}
    where enabled and starts_at <= {{ as_of() }} and ends_at > {{ as_of() }}
),

products as (
    select * from {{ ref("int_popular_products") }}
),

arrivals as (
    select
        c.campaign_id,
        p.category,
        p.product_key,
        p.name,
        row_number() over (partition by c.campaign_id, p.category order by p.rank_in_category) as rank,
        count(*) over (partition by c.campaign_id, p.category) as arrivals
    from products as p
    inner join campaigns as c on p.created_at >= c.arrivals_since
    where c.leave_out is null or lower(p.name) not like concat('%', c.leave_out, '%')
),

-- One thing is no collection.
final as (
    select * from arrivals
    where arrivals >= 2
)

select * from final
