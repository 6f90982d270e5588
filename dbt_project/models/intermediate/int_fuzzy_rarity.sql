{% set fields = ["first_name", "last_name", "born_on", "street", "postcode", "city", "mailbox", "mailbox_name"] %}

with

records as (
    select * from {{ ref("int_fuzzy_records") }}
),

{% for field in fields %}
{{ field }}_people as (
    select
        {{ field }},
        count(distinct node_id) as people
    from records
    where {{ field }} is not null
    group by {{ field }}
),

{{ field }}_rarity as (
    select
        {{ field }},
        people,
        {{ bits("sum(people) over ()", "people") }} as bits
    from {{ field }}_people
),

{% endfor %}
final as (
    select
        r.fuzzy_key,
        {% for field in fields %}
        {{ field }}_rarity.bits as {{ field }}_bits,
        {% endfor %}
        coalesce(first_name_rarity.people > {{ fuzzy("names") }}, false) as is_first_name_usual,
        coalesce(last_name_rarity.people > {{ fuzzy("names") }}, false) as is_last_name_usual
    from records as r
    {% for field in fields %}
    left join {{ field }}_rarity on r.{{ field }} = {{ field }}_rarity.{{ field }}
    {% endfor %}
)

select * from final
