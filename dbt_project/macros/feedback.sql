{# What only programs do so fast, in seconds: filters of mail and mail programs that fetch for their
   users open and follow links as the mail arrives. `several_links`: two links of one message. #}
{% macro machine_seconds(rule) -%}
    {{ return({"opened": 10, "clicked": 10, "several_links": 2}[rule]) }}
{%- endmacro %}

{# So many soft bounces on as many days, the last so many days after the first, are as a hard one. #}
{% macro soft_bounces(what) -%}
    {{ return({"days": 3, "within_days": 30}[what]) }}
{%- endmacro %}
