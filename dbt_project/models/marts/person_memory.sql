{# What of memory a message may use: part -> the facts in it, how each is told, and how many at most. #}
{% set parts = {
    "likes": ["fact = 'interest' and value = 'interested'", "about", 5],
    "dislikes": ["fact = 'interest' and value = 'not_interested'", "about", 5],
    "bought": ["fact = 'bought'", "value", 3],
    "returned": ["fact = 'returned'", "value", 3],
    "downloaded": ["fact = 'downloaded'", "value", 3],
    "searched": ["fact = 'searched'", "value", 3],
    "said": ["fact in ('opinion', 'outcome')", "concat(about, ': ', value)", 5],
    "rated": ["fact = 'rating'", "concat(about, ': ', value)", 3],
    "not_by": ["fact = 'contact' and value = 'not_interested'", "about", 3],
    "newsletter": ["fact = 'frequency'", "value", 1],
} %}
{% set names = {} %}
{% for part in parts %}{% do names.update({part: part}) %}{% endfor %}

with

memory as (
    select
        m.*,
        coalesce(p.name, m.topic) as about
    from {{ ref("memory") }} as m
    left join {{ ref("products") }} as p on m.product_key = p.product_key
    where m.is_current and m.value is not null
),

told as (
    {% for part, (condition, words, most) in parts.items() %}
    select
        person_id,
        '{{ part }}' as part,
        {{ most }} as most,
        substr({{ words }}, 1, 80) as words,
        kind,
        said_at,
        memory_key
    from memory
    where {{ condition }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- Stated before inferred, the newest first.
ranked as (
    select
        *,
        row_number() over (
            partition by person_id, part
            order by kind desc, said_at desc, memory_key asc
        ) as rank
    from told
),

listed as (
    select
        person_id,
        part,
        {{ ordered_list("words", "rank") }} as words
    from ranked
    where rank <= most
    group by person_id, part
),

wide as (
    select
        {% for part in parts %}
        max(case when part = '{{ part }}' then words end) as {{ part }},
        {% endfor %}
        person_id
    from listed
    group by person_id
),

final as (
    select
        person_id,
        likes,
        dislikes,
        not_by,
        {{ json_text(names) }} as memory
    from wide
)

select * from final
