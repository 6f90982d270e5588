{# What two records must share to be compared at all, by rule; a name may stand in either place. #}
{% set rules = [
    ("birth", ["born_on", "substr(first_name, 1, 1)"]),
    ("birth", ["born_on", "substr(last_name, 1, 1)"]),
    ("mailbox", ["mailbox"]),
    ("mailbox", ["'@'", "mailbox_name"]),
    ("name", ["least(first_name, last_name)", "greatest(first_name, last_name)"]),
    ("postcode", ["postcode", "substr(first_name, 1, 2)"]),
    ("postcode", ["postcode", "substr(last_name, 1, 2)"]),
    ("street", ["street", "substr(first_name, 1, 1)"]),
    ("street", ["street", "substr(last_name, 1, 1)"]),
] %}
{# What more people share than this says nothing of any of them, and would be compared for hours. #}
{% set most_people = 50 %}

with

records as (
    select * from {{ ref("int_fuzzy_records") }}
),

blocks as (
    {% for rule, parts in rules %}
    select
        '{{ rule }}' as rule,
        concat({{ parts | join(", '|', ") }}) as shared,
        fuzzy_key,
        node_id
    from records
    where {{ parts | join(" is not null and ") }} is not null
    {{ "union all" if not loop.last }}
    {% endfor %}
),

sizes as (
    select
        rule,
        shared
    from blocks
    group by rule, shared
    having count(distinct node_id) between 2 and {{ most_people }}
),

few as (
    select b.*
    from blocks as b
    inner join sizes as s on b.rule = s.rule and b.shared = s.shared
),

final as (
    select
        a.fuzzy_key,
        b.fuzzy_key as other_key,
        min(a.rule) as rule
    from few as a
    inner join few as b on a.rule = b.rule and a.shared = b.shared
    where a.node_id < b.node_id
    group by a.fuzzy_key, b.fuzzy_key
)

select * from final
