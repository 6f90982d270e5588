{# The run's clock as a timestamp (UTC, without zone). #}
{% macro as_of() -%}
    cast('{{ var("as_of") | replace("T", " ") | replace("Z", "") }}' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{# `count` (a number or an expression) whole `unit`s after `moment`. #}
{% macro after(moment, count, unit="hour") -%}
    {{ dbt.dateadd(unit, count, moment) }}
{%- endmacro %}

{# As `after`, before the run's clock. #}
{% macro ago(count, unit="hour") -%}
    {{ dbt.dateadd(unit, "-(" ~ count ~ ")", as_of()) }}
{%- endmacro %}

{# The calendar day (UTC) on which a moment lies. #}
{% macro day_of(moment) -%}
    cast({{ moment }} as date)
{%- endmacro %}
