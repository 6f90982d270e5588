{% set programme = "replenishment" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

refills as (
    select * from {{ ref("int_refills") }}
),

products as (
    select * from {{ ref("products") }}
),

refusals as (
    select * from {{ ref("int_refusals") }}
    where refused = 'product'
),

due as (
    select
        f.*,
        p.name,
        p.category,
        p.price_minor,
        p.currency,
        p.in_stock,
        s.step,
        {{ expires("f.runs_out_at", "s") }} as expires_at
    from refills as f
    inner join products as p on f.product_key = p.product_key
    cross join steps as s
    where
        {{ is_due("f.runs_out_at", "s") }}
),

final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        concat(d.id_space, '/', d.product_id, '/', cast(d.last_bought_on as {{ dbt.type_string() }})) as occasion,
        d.person_id as subject,
        d.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        d.runs_out_at as occurred_at,
        d.expires_at,
        cast(coalesce(d.price_minor, 0) as numeric(18, 6)) as value,
        d.currency,
        coalesce(d.in_stock, true) and r.what is null as context_ok,
        case
            when not coalesce(d.in_stock, true) then 'out_of_stock'
            when r.what is not null then 'declined_product'
        end as context_reason,
        d.category as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "concat('Time for more ', coalesce(d.name, 'of it'), '?')",
            "fact": "concat('You last bought ', coalesce(d.name, 'this'), ' on ', cast(d.last_bought_on as "
                ~ dbt.type_string() ~ "), ' and may need it again.')",
            "items": "d.name",
        }) }} as content,
        {{ json_text({
            "last_bought_on": "cast(d.last_bought_on as " ~ dbt.type_string() ~ ")",
            "usual_days": "cast(d.usual_days as " ~ dbt.type_string() ~ ")", "product_key": "d.product_key",
        }) }} as evidence
    from due as d
    left join refusals as r on d.person_id = r.person_id and d.product_key = r.what
)

select * from final
