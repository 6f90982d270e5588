{# A gate's verdict from the reasons it gives: to fail beats to defer; no reason is a pass. #}
{% macro verdict_of(failed, deferred) -%}
    case
        when {{ failed }} is not null then 'fail'
        when {{ deferred }} is not null then 'defer'
        else 'pass'
    end
{%- endmacro %}
