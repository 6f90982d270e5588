with

readers as (
    select * from {{ ref("int_newsletter_readers") }}
    where context_reason is null
),

refused as (
    select * from {{ ref("int_refusals") }}
    where refused = 'topic'
),

-- What they say they like comes first, then what they are likeliest to buy in.
wanted as (
    select
        person_id,
        topic as category,
        'said' as basis,
        cast(1 as numeric(9, 6)) as probability
    from {{ ref("int_stated_likes") }}
    union all
    select
        person_id,
        category,
        'did' as basis,
        probability
    from {{ ref("category_intent") }}
),

categories as (
    select
        w.person_id,
        w.category,
        max(w.basis) as basis,
        max(w.probability) as probability
    from wanted as w
    inner join readers as r on w.person_id = r.person_id
    left join refused as n on w.person_id = n.person_id and w.category = n.what
    where n.person_id is null
    group by w.person_id, w.category
),

ranked as (
    select
        *,
        row_number() over (
            partition by person_id
            order by basis desc, probability desc, category asc
        ) as place
    from categories
),

-- Of each the most bought that they neither have nor declined.
final as (
    select
        k.person_id,
        k.category,
        k.basis,
        k.place,
        p.product_key,
        p.name
    from ranked as k
    inner join {{ ref("int_popular_products") }} as p on k.category = p.category and p.rank_in_category <= 20
    left join {{ ref("int_unwanted_products") }} as u on k.person_id = u.person_id and p.product_key = u.product_key
    where k.place <= 3 and u.product_key is null
    qualify row_number() over (partition by k.person_id, k.category order by p.rank_in_category asc) = 1
)

select * from final
