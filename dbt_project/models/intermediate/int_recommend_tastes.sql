{# So many of their items say what somebody likes. #}
{% set most_items = 100 %}

with

bought as (
    select * from {{ ref("int_recommend_repeat") }}
),

final as (
    select
        person_no,
        item_no,
        weight
    from bought
    qualify row_number() over (partition by person_no order by weight desc, item_no asc) <= {{ most_items }}
)

select * from final
