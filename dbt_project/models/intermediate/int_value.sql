{# After so many days a purchase counts half; so far ahead value looks, and churn. #}
{% set half_life_days, value_days, churn_days = 60, 60, 90 %}
{# So many trips of the shop's average are added to everyone's own. #}
{% set shop_trips = 0.3 %}
{# A silence of so many of one's own gaps halves the chance that one comes back. #}
{% set patience = 20 %}
{% set ln2 = "0.693147e0" %}

with

days as (
    select * from {{ ref("int_purchase_days") }}
),

faded as (
    select
        person_id,
        bought_on,
        {{ faded("1", "bought_on", day_of(as_of()), half_life_days) }} as trip,
        {{ faded("greatest(spent_minor, 0)", "bought_on", day_of(as_of()), half_life_days) }} as spent
    from days
),

decayed as (
    select
        person_id,
        count(*) as trips,
        {{ day_number(day_of(as_of())) }} - {{ day_number("min(bought_on)") }} as age_days,
        {{ day_number(day_of(as_of())) }} - {{ day_number("max(bought_on)") }} as silent_days,
        sum(trip) as recent_trips,
        sum(spent) as recent_spent,
        min(trip) as first_trip
    from faded
    group by person_id
),

-- The mean wait counts those who never came again with all the time that they have stayed away.
shop as (
    select
        sum(recent_spent) * 1e0 / nullif(sum(recent_trips), 0) as spent_per_trip,
        sum(age_days) * 1e0 / nullif(sum(trips - 1), 0) as mean_wait
    from decayed
),

rated as (
    select
        d.*,
        s.spent_per_trip,
        d.recent_trips - d.first_trip as repeats,
        s.mean_wait + {{ half_life_days }} / {{ ln2 }} * (1 - d.first_trip) as watched_days,
        d.silent_days * d.trips / nullif(s.mean_wait + d.age_days - d.silent_days, 0) as gaps_missed
    from decayed as d
    cross join shop as s
),

final as (
    select
        person_id,
        cast(round(
            {{ ln2 }} * {{ value_days }} / {{ half_life_days }} * recent_trips
            * (recent_spent + {{ shop_trips }} * spent_per_trip) / (recent_trips + {{ shop_trips }})
        ) as {{ dbt.type_bigint() }}) as value_minor,
        cast(round(
            1 - (1 - power(watched_days / (watched_days + {{ churn_days }}), 1 + repeats))
            / (1 + power(gaps_missed / {{ patience }}, 2)), 6
        ) as numeric(9, 6)) as churn_risk
    from rated
)

select * from final
