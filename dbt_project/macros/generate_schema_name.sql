{# Schemas are named for their layer (staging, marts, …), without the target's name before them.
   PARLEY_SCHEMA_PREFIX goes before all of them, so that several installations, and a replay, can
   share one metastore. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set prefix = env_var("PARLEY_DBT_SCHEMA_PREFIX", "") -%}
    {%- set layer = custom_schema_name | trim if custom_schema_name else target.schema -%}
    {{ prefix ~ "_" ~ layer if prefix else layer }}
{%- endmacro %}
