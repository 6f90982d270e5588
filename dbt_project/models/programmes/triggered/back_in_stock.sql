{% set programme = "back_in_stock" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

changes as (
    select * from {{ ref("int_awaited_changes") }}
    where is_back
),

catalogue as (
    select * from {{ ref("int_catalogue") }}
),

refusals as (
    select * from {{ ref("int_refusals") }}
    where refused = 'product'
),

-- Stock that came, went and came again is one return: the last.
due as (
    select
        c.*,
        s.step,
        {{ expires("c.changed_at", "s") }} as expires_at
    from changes as c
    cross join steps as s
    where
        {{ is_due("c.changed_at", "s") }}
    qualify
        row_number() over (
            partition by c.person_id, c.product_key, s.step
            order by c.changed_at desc, c.product_change_key asc
        ) = 1
),

final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        d.product_change_key as occasion,
        d.person_id as subject,
        d.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        d.changed_at as occurred_at,
        d.expires_at,
        cast(coalesce(p.price_minor, 0) as numeric(18, 6)) as value,
        p.currency,
        not d.is_bought_since and coalesce(p.in_stock, false) and r.what is null as context_ok,
        case
            when d.is_bought_since then 'bought_meanwhile'
            when not coalesce(p.in_stock, false) then 'out_of_stock'
            when r.what is not null then 'declined_product'
        end as context_reason,
        p.category as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "concat(coalesce(p.name, 'Something you looked at'), ' is back')",
            "fact": "concat('You looked at ', coalesce(p.name, 'this'), '. It had sold out and is in stock again.')",
            "items": "p.name",
        }) }} as content,
        {{ json_text({
            "seen_at": "cast(d.seen_at as " ~ dbt.type_string() ~ ")",
            "back_at": "cast(d.changed_at as " ~ dbt.type_string() ~ ")", "product_key": "d.product_key",
        }) }} as evidence
    from due as d
    inner join catalogue as p on d.product_key = p.product_key
    left join refusals as r on d.person_id = r.person_id and d.product_key = r.what
)

select * from final
