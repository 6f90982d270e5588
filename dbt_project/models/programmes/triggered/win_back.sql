{% set programme = "win_back" %}

with

steps as (
    select * from {{ ref("int_programme_steps") }}
    where programme = '{{ programme }}'
),

lapses as (
    select * from {{ ref("int_lapses") }}
),

recommended as (
    select
        person_id,
        {{ ordered_list("name", "rank", most=3) }} as names
    from {{ ref("recommendations") }}
    where kind = 'new'
    group by person_id
),

final as (
    select
        '{{ programme }}' as programme,
        d.person_id,
        concat(d.source_id, '/', d.order_id) as occasion,
        d.order_key as subject,
        s.step,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        'a' as variant,
        cast(null as {{ dbt.type_string() }}) as wanted_address_node,
        d.lapsed_at as occurred_at,
        {{ expires("d.lapsed_at", "s") }} as expires_at,
        cast(d.amount_minor as numeric(18, 6)) as value,
        d.currency,
        true as context_ok,
        cast(null as {{ dbt.type_string() }}) as context_reason,
        cast(null as {{ dbt.type_string() }}) as topic,
        cast(null as {{ dbt.type_string() }}) as stimulus_message_key,
        {{ json_text({
            "subject": "case s.step when 1 then 'It has been a while' else 'Shall we keep in touch?' end",
            "fact": "concat('You last ordered from us on ', cast(" ~ day_of("d.ordered_at") ~ " as "
                ~ dbt.type_string() ~ "), '.')",
            "items": "r.names",
        }) }} as content,
        {{ json_text({
            "order_id": "d.order_id", "ordered_at": "cast(d.ordered_at as " ~ dbt.type_string() ~ ")",
            "purchase_days": "d.purchase_days",
            "usual_days": "cast(d.usual_days as " ~ dbt.type_string() ~ ")",
        }) }} as evidence
    from lapses as d
    left join recommended as r on d.person_id = r.person_id
    cross join steps as s
    where
        {{ is_due("d.lapsed_at", "s") }}
)

select * from final
