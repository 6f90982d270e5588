{# Condition: an identifier is `shared` by several people, as int_shared_identifiers has it. A user id
   with too many of one kind (an agent's) is still a person; only that kind is not believed. #}
{% macro makes_no_pair(shared, other_type) -%}
    ({{ shared }}.node_type <> 'user_id' or {{ shared }}.other_type = {{ other_type }})
{%- endmacro %}

{# Each two of a row's identifiers (columns `ids`, named after their types, null where unknown) as a link
   by the columns `by`; an only one as its own link to nobody. Which type stands first is always the
   same, so that a pair is one link whichever source saw it. #}
{% macro seen_together(relation, ids, by) -%}
    {%- set times -%}
        min(first_seen_at) as first_seen_at, max(last_seen_at) as last_seen_at, min(known_at) as known_at
    {%- endset -%}
    {%- for one in ids -%}{%- for other in ids[loop.index:] %}
    select
        {{ by | join(", ") }}, '{{ one }}' as node_type, {{ one }} as node_id, '{{ other }}' as other_type,
        {{ other }} as other_id, {{ times }}
    from {{ relation }}
    where {{ one }} is not null and {{ other }} is not null
    group by {{ by | join(", ") }}, {{ one }}, {{ other }}
    union all
    {%- endfor -%}{%- endfor %}
    select
        {{ by | join(", ") }},
        case {% for id in ids %}when {{ id }} is not null then '{{ id }}' {% endfor %}end as node_type,
        coalesce({{ ids | join(", ") }}) as node_id,
        cast(null as {{ dbt.type_string() }}) as other_type,
        cast(null as {{ dbt.type_string() }}) as other_id,
        {{ times }}
    from {{ relation }}
    where 1 = {% for id in ids %}case when {{ id }} is null then 0 else 1 end{{ " + " if not loop.last }}{% endfor %}
    group by {{ by | join(", ") }}, {{ ids | join(", ") }}
{%- endmacro %}

{# A person's id: the hash of the identifier that was known first. #}
{% macro person_key(first_node) -%}
    {{ key(["'person'", first_node]) }}
{%- endmacro %}
