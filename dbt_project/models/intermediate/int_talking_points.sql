{# What a caller may speak of: part -> how it is put before the list. #}
{% set parts = {
    "downloaded": "Read: ", "viewed": "Looked at: ", "searched": "Searched for: ", "said": "Said: ",
    "deal": "Open deal: ", "owner": "Owner: ",
} %}

with

memory as (
    select * from {{ ref("memory") }}
    where is_current and value is not null
),

views as (
    select
        n.person_id,
        coalesce(p.name, replace(e.category, '_', ' ')) as words,
        e.occurred_at
    from {{ ref("web_events") }} as e
    inner join {{ ref("int_enrolling_sources") }} as o on e.source_id = o.source_id
    inner join {{ ref("people_nodes") }} as n on e.node_id = n.node_id
    left join {{ ref("products") }} as p on e.source_id = p.source_id and e.product_id = p.product_id
    where
        e.event = 'Product Viewed' and not e.is_bot
        and e.occurred_on >= {{ day_of(ago(30, "day")) }} and e.occurred_at <= {{ as_of() }}
),

told as (
    select
        person_id,
        'downloaded' as part,
        title as words,
        occurred_at as told_at
    from {{ ref("int_decision_signs") }}
    union all
    select
        person_id,
        'viewed' as part,
        words,
        occurred_at as told_at
    from views
    union all
    select
        person_id,
        case fact when 'searched' then 'searched' else 'said' end as part,
        case
            when fact = 'searched' then value
            else concat(replace(topic, '_', ' '), ': ', replace(value, '_', ' '))
        end as words,
        said_at as told_at
    from memory
    where fact in ('searched', 'opinion', 'outcome') or (fact = 'interest' and kind = 'said')
    union all
    select * from {{ ref("int_crm_points") }}
),

-- Once each, the newest first.
ranked as (
    select
        person_id,
        part,
        words,
        row_number() over (partition by person_id, part order by max(told_at) desc, words asc) as rank
    from told
    where words is not null
    group by person_id, part, words
),

listed as (
    select
        person_id,
        part,
        concat(
            case part
                {% for part, lead in parts.items() %}
                when '{{ part }}' then '{{ lead }}'
                {% endfor %}
            end,
            {{ ordered_list("words", "rank", most=3) }}
        ) as words
    from ranked
    group by person_id, part
),

final as (
    select
        person_id,
        concat_ws(
            '; ',
            {% for part in parts %}
            max(case when part = '{{ part }}' then words end){{ "," if not loop.last }}
            {% endfor %}
        ) as talking_points
    from listed
    group by person_id
)

select * from final
