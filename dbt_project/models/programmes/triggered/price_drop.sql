{% set programme = "price_drop" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

changes as (
    select * from {{ ref("int_awaited_changes") }}
),

catalogue as (
    select * from {{ ref("int_catalogue") }}
),

refusals as (
    select * from {{ ref("int_refusals") }}
    where refused = 'product'
),

-- By a twentieth or more. The first that is known of a product is no fall.
due as (
    select
        c.*,
        p.name,
        p.category,
        s.step,
        {{ expires("c.changed_at", "s") }} as expires_at,
        case
            when c.is_bought_since then 'bought_meanwhile'
            when coalesce(p.price_minor > c.price_minor, true) then 'price_rose'
            when coalesce(p.currency, '') <> coalesce(c.currency, '') then 'price_rose'
            when not coalesce(p.in_stock, true) then 'out_of_stock'
            when r.what is not null then 'declined_product'
        end as ended
    from changes as c
    inner join catalogue as p on c.product_key = p.product_key
    left join refusals as r on c.person_id = r.person_id and c.product_key = r.what
    cross join steps as s
    where
        c.price_minor > 0 and c.price_minor * 100 <= c.lowest_minor * 95
        and c.seen_at >= {{ after("c.changed_at", -30, "day") }}
        and {{ is_due("c.changed_at", "s") }}
),

-- One product a person: that which fell most, of those of which it still holds.
ranked as (
    select
        *,
        row_number() over (
            partition by person_id, step
            order by
                case when ended is null then 0 else 1 end,
                lowest_minor - price_minor desc,
                product_change_key asc
        ) as rank
    from due
),

final as (
    select
        '{{ programme }}' as programme,
        person_id,
        product_change_key as occasion,
        person_id as subject,
        step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        changed_at as occurred_at,
        expires_at,
        cast(price_minor as numeric(18, 6)) as value,
        currency,
        ended is null as context_ok,
        ended as context_reason,
        category as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "concat(coalesce(name, 'Something you looked at'), ' costs less than it did')",
            "fact": "concat('You looked at ', coalesce(name, 'this'), '. Its price has fallen by ', "
                ~ "cast(cast(floor((lowest_minor - price_minor) * 100.0 / lowest_minor) as integer) as "
                ~ dbt.type_string() ~ "), ' % since.')",
            "items": "name",
        }) }} as content,
        {{ json_text({
            "seen_at": "cast(seen_at as " ~ dbt.type_string() ~ ")",
            "changed_at": "cast(changed_at as " ~ dbt.type_string() ~ ")",
            "price_minor": "price_minor", "lowest_minor": "lowest_minor", "currency": "currency",
            "product_key": "product_key",
        }) }} as evidence
    from ranked
    where rank = 1
)

select * from final
