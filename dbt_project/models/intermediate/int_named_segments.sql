{{ config(materialized="view") }}
{# Each is a model of its name in models/segments, with the columns person_id and since. #}
{% set segments = [
    "discount_hunters",
    "lapsing_high_value",
] %}

with

final as (
    {% for segment in segments %}
    select
        person_id,
        '{{ segment }}' as segment,
        since
    from {{ ref(segment) }}
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from final
