{# What fades: after `half_life_days` an amount counts half. Ages are whole days (UTC), so that all of a
   day counts alike and a day's sum can be kept instead of its events. A half-life of 36,500 days is
   that of what does not fade.

   Sums are kept without touching them as time passes: each amount is written up to what it would have
   to be at the start of its era (ten half-lives long) to be worth itself on its own day, and the sum
   of an era fades as one. Each is rounded once and summed as a decimal: the order in which amounts
   come, and how often they were corrected, leaves no trace. #}

{# The era in which a day lies, as a number; also of the run's day. #}
{% macro era_of(day, half_life_days) -%}
    cast(floor({{ day_number(day) }} / (10.0 * {{ half_life_days }})) as {{ dbt.type_bigint() }})
{%- endmacro %}

{# An amount of `day`, written up from the start of its era. #}
{% macro written_up(amount, day, half_life_days) -%}
    {%- set start = era_of(day, half_life_days) ~ " * 10 * " ~ half_life_days -%}
    cast(round({{ amount }} * power(2.0, ({{ day_number(day) }} - {{ start }}) * 1e0 / {{ half_life_days }}), 6) as numeric(28, 6))
{%- endmacro %}

{# What the sum of an era is worth on `day`. #}
{% macro written_down(sum, era, day, half_life_days) -%}
    cast(round({{ sum }} * power(2.0, ({{ era }} * 10 * {{ half_life_days }} - {{ day_number(day) }}) * 1e0 / {{ half_life_days }}), 6) as numeric(18, 6))
{%- endmacro %}

{# What an amount of `since` is worth on `day`. #}
{% macro faded(amount, since, day, half_life_days) -%}
    cast(round({{ amount }} * power(2.0, ({{ day_number(since) }} - {{ day_number(day) }}) * 1e0 / {{ half_life_days }}), 6) as numeric(18, 6))
{%- endmacro %}

{# The logarithm by which an amount counts: the tenth time says less than the first. #}
{% macro term_of(decayed) -%}
    cast(round(ln(1 + {{ decayed }}), 6) as numeric(18, 6))
{%- endmacro %}
