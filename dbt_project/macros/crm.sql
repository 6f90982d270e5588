{# How near a stage of deciding is to the goal: 1 is nearest. #}
{% macro stage_place(stage) -%}
    case {{ stage }}
            when 'deciding' then 1 when 'considering' then 2 when 'customer' then 3
            when 'lapsed' then 4 when 'aware' then 5 else 6
        end
{%- endmacro %}

{# Since when records say of a column what their newest version says, as a query: source_id, record_key,
   since. `versions` has a version_rank (1 = newest) and said_at. #}
{% macro said_since(versions, column) -%}
    select
        source_id,
        record_key,
        min(said_at) as since
    from (
        select
            *,
            sum(case when {{ column }} is distinct from newest then 1 else 0 end) over (
                partition by source_id, record_key order by version_rank
                rows between unbounded preceding and current row
            ) as changes
        from (
            select
                *,
                first_value({{ column }}) over (
                    partition by source_id, record_key order by version_rank
                    rows between unbounded preceding and unbounded following
                ) as newest
            from {{ versions }}
        ) as v
    ) as v
    where changes = 0
    group by source_id, record_key
{%- endmacro %}

{# When a version of a CRM record was written, never after it was learned. #}
{% macro written_at() -%}
    least(coalesce(changed_at, landed_at), landed_at)
{%- endmacro %}

{# The column of who looks after somebody, as a CRM record names them; of an address the part before the @. #}
{% macro owner_of(record) -%}
    nullif(trim(split_part({{ record }}.owner, '@', 1)), '') as owner
{%- endmacro %}

{# A lifecycle stage so that equal stages are equal, whichever CRM spells them. #}
{% macro comparable_stage(text) -%}
    replace(replace(replace(lower({{ text }}), ' ', ''), '_', ''), '-', '')
{%- endmacro %}

{# The host of a site as a CRM has it (https://www.acme.example/about, Acme.example) -> acme.example. #}
{% macro host_of(text) -%}
    {%- set bare -%}
        split_part(split_part(
            replace(replace(lower(trim({{ text }})), 'https://', ''), 'http://', ''), '/', 1
        ), ':', 1)
    {%- endset -%}
    nullif(case when {{ bare }} like 'www.%' then substr({{ bare }}, 5) else {{ bare }} end, '')
{%- endmacro %}

{# The host without its first name: mail.acme.example -> acme.example. #}
{% macro parent_host(host) -%}
    substr({{ host }}, position('.' in {{ host }}) + 1)
{%- endmacro %}

{# The columns, each as the newest of several records says that says anything. #}
{% macro told_last(columns, recency) -%}
    {%- for column in columns -%}
        max_by({{ column }}, {{ recency }}) filter (where {{ column }} is not null) as {{ column }}{{ "," if not loop.last }}
        {% endfor -%}
{%- endmacro %}
