{# A moment given as ISO 8601 text in UTC, as a timestamp (UTC, without zone). #}
{% macro moment(text) -%}
    cast('{{ text | replace("T", " ") | replace("Z", "") }}' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{# The run's clock. #}
{% macro as_of() -%}
    {{ moment(var("as_of")) }}
{%- endmacro %}

{# As `after`, before the run's clock. #}
{% macro ago(count, unit="hour") -%}
    {{ after(as_of(), "-(" ~ count ~ ")", unit) }}
{%- endmacro %}

{# The calendar day (UTC) on which a moment lies. #}
{% macro day_of(moment) -%}
    cast({{ moment }} as date)
{%- endmacro %}

{# The day of the week on which a moment lies: 1 is Monday, 7 is Sunday. #}
{% macro weekday(moment) -%}
    mod({{ day_number(day_of(moment)) }} + 3, 7) + 1
{%- endmacro %}
