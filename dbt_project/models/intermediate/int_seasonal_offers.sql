with

campaign_people as (
    select c.*
    from {{ ref("int_campaign_people") }} as c
    inner join {{ ref("int_engagement") }} as e on c.person_id = e.person_id
    where c.programme = 'seasonal_to_engaged' and e.engagement = 'engaged'
),

campaigns as (
    select distinct
        campaign_id,
        category,
        leave_out
    from campaign_people
),

offered as (
    select
        c.campaign_id,
        p.product_key,
        p.name,
        row_number() over (partition by c.campaign_id order by p.rank_in_category, p.product_key) as rank
    from campaigns as c
    inner join {{ ref("int_popular_products") }} as p on c.category = p.category and p.rank_in_category <= 30
    where c.leave_out is null or lower(p.name) not like concat('%', c.leave_out, '%')
),

best as (
    select
        campaign_id,
        {{ ordered_list("name", "rank", most=3) }} as names
    from offered
    group by campaign_id
),

-- Most have and refuse nothing of it and are offered the best; only the others' lists are made one by one.
unwanted as (
    select
        c.campaign_id,
        c.person_id,
        o.product_key
    from offered as o
    inner join {{ ref("int_unwanted_products") }} as u on o.product_key = u.product_key
    inner join campaign_people as c on o.campaign_id = c.campaign_id and u.person_id = c.person_id
),

exceptions as (
    select distinct
        campaign_id,
        person_id
    from unwanted
),

others as (
    select
        w.campaign_id,
        w.person_id,
        {{ ordered_list("o.name", "o.rank", most=3) }} as names
    from exceptions as w
    inner join offered as o on w.campaign_id = o.campaign_id
    left join unwanted as u
        on w.campaign_id = u.campaign_id and w.person_id = u.person_id and o.product_key = u.product_key
    where u.product_key is null
    group by w.campaign_id, w.person_id
),

final as (
    select
        c.campaign_id,
        c.person_id,
        case when x.person_id is null then b.names else o.names end as names
    from campaign_people as c
    left join best as b on c.campaign_id = b.campaign_id
    left join exceptions as x on c.campaign_id = x.campaign_id and c.person_id = x.person_id
    left join others as o on c.campaign_id = o.campaign_id and c.person_id = o.person_id
)

select * from final
