{# The lake's records of one stream, as a relation: the batches of the run's manifest that `this`
   has not taken in yet, by an explicit list of files (a glob over many files is slow).
   A stream with no batch is an empty relation with the right columns.
   Columns: source_id, id_space, batch_id, seq, landed_at, record_key, record_at, op, payload. #}
{% macro lake(vendor, stream) -%}
    {%- set batches = _batches_to_read(vendor, stream) -%}
    {%- if batches -%}
    (
        select
            b.source_id,
            b.id_space,
            r.batch_id,
            r.seq,
            r.landed_at,
            r.record_key,
            r.record_at,
            r.op,
            r.payload
        from {{ lake_files(batches | map(attribute="path") | list) }} as r
        inner join (
            values
            {%- for b in batches %}
            ('{{ b.batch_id }}', '{{ b.source_id }}', '{{ b.id_space }}'){{ "," if not loop.last }}
            {%- endfor %}
        ) as b (batch_id, source_id, id_space) on r.batch_id = b.batch_id
    )
    {%- else -%}
    (
        select
            {%- for column in ["source_id", "id_space", "batch_id"] %}
            cast(null as {{ dbt.type_string() }}) as {{ column }},
            {%- endfor %}
            cast(null as {{ dbt.type_bigint() }}) as seq,
            cast(null as {{ dbt.type_timestamp() }}) as landed_at,
            cast(null as {{ dbt.type_string() }}) as record_key,
            cast(null as {{ dbt.type_timestamp() }}) as record_at,
            cast(null as {{ dbt.type_string() }}) as op,
            cast(null as {{ dbt.type_string() }}) as payload
        where 1 = 0
    )
    {%- endif -%}
{%- endmacro %}

{% macro lake_files(paths) -%}
    {{ return(adapter.dispatch("lake_files")(paths)) }}
{%- endmacro %}

{% macro duckdb__lake_files(paths) -%}
    read_parquet(['{{ paths | join("', '") }}'])
{%- endmacro %}

{% macro _batches_to_read(vendor, stream) -%}
    {%- set taken = column_values(this, "batch_id") if execute and is_incremental() else [] -%}
    {%- set batches = [] -%}
    {%- for b in var("batches") if b.vendor == vendor and b.stream == stream and b.batch_id not in taken -%}
        {%- do batches.append(b) -%}
    {%- endfor -%}
    {{ return(batches) }}
{%- endmacro %}

{# Distinct values of a column, as texts; none where the relation does not exist yet. #}
{% macro column_values(relation, column, where="1 = 1") -%}
    {%- set result = run_query(
        "select distinct cast(" ~ column ~ " as " ~ dbt.type_string() ~ ") as v from "
        ~ relation ~ " where " ~ where ~ " order by 1"
    ) -%}
    {{ return(result.columns[0].values() | list) }}
{%- endmacro %}
