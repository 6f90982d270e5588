{# When a step that answers a moment is over: its window is, or the step after it is due. `step` is a row of int_programme_steps. #}
{% macro expires(moment, step) -%}
    {{ after(moment, step ~ ".expires_minutes", "minute") }}
{%- endmacro %}

{# Whether a step that answers a moment is due: its wait is over, and it has not expired. #}
{% macro is_due(moment, step) -%}
    {{ after(moment, step ~ ".wait_minutes", "minute") }} <= {{ as_of() }}
    and {{ expires(moment, step) }} > {{ as_of() }}
{%- endmacro %}

{# The moment of what begins an episode: nothing of the same (`of`) lies within so many days before it; null
   for what goes on. `tie` orders what happened at once. #}
{% macro begins(moment, of, tie, pause_days) -%}
    case
        when lag({{ moment }}) over (partition by {{ of }} order by {{ moment }}, {{ tie }})
            >= {{ after(moment, -pause_days, "day") }}
            then null
        else {{ moment }}
    end
{%- endmacro %}
