{# Whether something became known, or came to hold, after the runs before had looked: since the oldest
   batch landed that they had not seen. Nothing did where no plan may be waiting. #}
{% macro is_news(moment_column) -%}
    {% if var("news_since", "") %}{{ moment_column }} >= {{ moment(var("news_since")) }}{% else %}1 = 0{% endif %}
{%- endmacro %}
