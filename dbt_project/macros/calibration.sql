{# What a calibration looks at (`var("calibration")`): goal, scope, horizon_days, moments (starts of days,
   ISO 8601), pairs of signal and half_life_days, most_people (of whom the shop's own signals are told)
   and most_subjects (people whose rows are learned from). #}

{# The moments, as a query: as_of. #}
{% macro calibration_moments() -%}
    {%- for each in var("calibration").moments %}
    select {{ moment(each) }} as as_of
    {{ "union all" if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The pairs, as a query: goal, signal, half_life_days; the constant is one of them. #}
{% macro calibration_pairs() -%}
    select
        '{{ var("calibration").goal }}' as goal,
        'intercept' as signal,
        36500 as half_life_days
    union all
    {%- for each in var("calibration").pairs %}
    select
        '{{ var("calibration").goal }}' as goal,
        '{{ each.signal }}' as signal,
        {{ each.half_life_days }} as half_life_days
    {{ "union all" if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Whoever may be learned from, in an order that is that of a sample: ids are hashes. As a query: person_id,
   first_seen_at, place. #}
{% macro calibration_people() -%}
    select
        person_id,
        first_seen_at,
        row_number() over (order by person_id) as place
    from {{ ref("people") }}
    where not is_staff and not is_test
{%- endmacro %}

{# Terms of people, as a query: as_of, subject, signal, half_life_days, term; a signal with topics counts by
   the sum of them. `terms` is a relation with the columns of `terms_at`. #}
{% macro person_terms(terms) -%}
    select
        as_of,
        person_id as subject,
        signal,
        half_life_days,
        {{ term_of("sum(decayed)") }} as term
    from {{ terms }}
    group by as_of, person_id, signal, half_life_days
{%- endmacro %}
