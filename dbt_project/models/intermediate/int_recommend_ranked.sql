with

items as (
    select
        s.item_no,
        s.popular,
        p.product_key,
        p.product_id,
        p.name,
        p.category
    from {{ ref("int_item_stats") }} as s
    inner join {{ ref("int_recommend_products") }} as p on s.product_key = p.product_key
    where s.is_now
),

likes as (
    select * from {{ ref("int_recommend_likes") }}
),

disliked as (
    select distinct
        person_id,
        what as category
    from {{ ref("int_refusals") }}
    where refused = 'topic' and said_at <= {{ as_of() }}
),

scores as (
    select * from {{ ref("int_recommend_scores") }}
),

left_out as (
    select
        p.person_no,
        i.item_no,
        o.kind
    from {{ ref("int_recommend_left_out") }} as o
    inner join {{ ref("int_recommend_people") }} as p on o.person_id = p.person_id and p.is_now
    inner join items as i on o.product_key = i.product_key
),

-- A stated like counts double.
allowed as (
    select
        s.person_no,
        s.item_no,
        s.person_id,
        s.kind,
        s.formula,
        i.popular,
        l.category is not null as is_liked,
        case when l.category is null then s.score else 2 * s.score end as score
    from scores as s
    inner join items as i on s.item_no = i.item_no
    left join likes as l on s.person_id = l.person_id and i.category = l.category
    left join disliked as d on s.person_id = d.person_id and i.category = d.category
    left join left_out as o on s.person_no = o.person_no and s.item_no = o.item_no and s.kind = o.kind
    where d.category is null and o.item_no is null
),

in_shop as (
    select
        *,
        row_number() over (partition by person_no, kind order by score desc, popular desc, item_no asc) as place
    from allowed
),

-- Scores of two formulas cannot be compared: a person's shops take turns.
ranked as (
    select
        *,
        row_number() over (partition by person_id, kind order by place asc, popular desc, item_no asc) as rank
    from in_shop
    where place <= 10
),

final as (
    select
        r.person_id,
        r.kind,
        r.rank,
        r.person_no,
        r.item_no,
        r.formula,
        r.score,
        r.is_liked,
        i.product_key,
        i.product_id,
        i.name,
        i.category
    from ranked as r
    inner join items as i on r.item_no = i.item_no
    where r.rank <= 10
)

select * from final
