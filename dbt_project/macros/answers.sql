{# Condition: the row answers a consent category otherwise than the same email did before, or the same
   user. Rows for which it is false can be left out: what is left differs as it did. #}
{% macro answer_differs() -%}
    (
        {%- for node in ["email_node", "user_node"] %}
        {{ "or " if not loop.first }}({{ node }} is not null and is_allowed is distinct from lag(is_allowed) over (
            partition by source_id, {{ node }}, field, channel, purpose
            order by occurred_at, landed_at, batch_id, seq
        ))
        {%- endfor %}
    )
{%- endmacro %}
