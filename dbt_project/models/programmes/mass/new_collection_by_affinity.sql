{% set programme = "new_collection_by_affinity" %}

with

campaigns as (
    select * from {{ ref("campaigns") }}
    where
        programme = '{{ programme }}' and enabled
        and starts_at <= {{ as_of() }} and ends_at > {{ as_of() }}
),

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

affinity as (
    select * from {{ ref("int_category_affinity") }}
    where affinity > 0
),

arrivals as (
    select
        c.campaign_id,
        c.most_items,
        p.category,
        p.name,
        row_number() over (partition by c.campaign_id, p.category order by p.rank_in_category) as rank
    from {{ ref("int_popular_products") }} as p
    inner join campaigns as c on p.created_at >= c.arrivals_since
),

collections as (
    select
        a.campaign_id,
        a.category,
        {{ ordered_list("case when a.rank <= a.most_items then a.name end", "a.rank", most=50) }} as names,
        count(*) as arrivals
    from arrivals as a
    group by a.campaign_id, a.category
),

-- One mail about the category that the person cares for most among those with something new.
ranked as (
    select
        k.*,
        a.person_id,
        a.affinity,
        a.basis,
        a.lines,
        row_number() over (
            partition by k.campaign_id, a.person_id
            order by a.affinity desc, a.lines desc, k.category asc
        ) as rank
    from collections as k
    inner join affinity as a on k.category = a.category
),

final as (
    select
        '{{ programme }}' as programme,
        r.person_id,
        c.campaign_id as occasion,
        r.person_id as subject,
        s.step,
        c.campaign_id,
        case
            when {{ percentile_of(["r.person_id", "c.campaign_id", "'variant'"]) }} < 50 then 'a' else 'b'
        end as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        c.starts_at as occurred_at,
        c.ends_at as expires_at,
        cast(r.affinity as numeric(18, 6)) as value,
        cast(null as {{ dbt.type_string() }}) as currency,
        true as context_ok,
        cast(null as {{ dbt.type_string() }}) as context_reason,
        r.category as topic,
        {{ json_text({
            "subject": "c.subject",
            "fact": "case r.basis when 'said' then concat('You told us that you like ', replace(r.category, '_', ' '), '.') "
                ~ "else concat('You have bought ', replace(r.category, '_', ' '), ' from us before.') end",
            "items": "r.names",
        }) }} as content,
        {{ json_text({
            "category": "r.category",
            "affinity": "r.affinity",
            "basis": "r.basis",
            "arrivals": "r.arrivals",
        }) }} as evidence
    from ranked as r
    inner join campaigns as c on r.campaign_id = c.campaign_id
    cross join steps as s
    where r.rank = 1
)

select * from final
