{# The adapter's own way asks for indexes, foreign keys and grants and renames three times, which is
   most of the time of many small tables. DuckDB replaces a table in one statement. #}
{% materialization table, adapter="duckdb", supported_languages=["sql"] %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none and not existing.is_table -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
    {%- if config.get("contract").enforced -%}{%- do get_assert_columns_equivalent(compiled_code) -%}{%- endif -%}
    {%- call statement("main") -%}
        create or replace table {{ target }} as ({{ compiled_code }}
        )
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}
