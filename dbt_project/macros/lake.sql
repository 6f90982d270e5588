{# The lake's records of one stream, as a relation: the batches of the run's manifest that `this`
   has not taken in yet, by an explicit list of files (a glob over many files is slow).
   A stream with no batch is an empty relation with the right columns.
   Columns: source_id, id_space, batch_id, seq, landed_at, landed_on, record_key, record_at, op,
   payload. #}
{% macro lake(vendor, stream) -%}
    {%- set batches = _batches_to_read(vendor, stream) -%}
    {%- if batches -%}
    (
        select
            b.source_id,
            b.id_space,
            r.batch_id,
            r.seq,
            cast(r.landed_at as {{ dbt.type_timestamp() }}) as landed_at,
            {{ day_of("r.landed_at") }} as landed_on,
            r.record_key,
            cast(r.record_at as {{ dbt.type_timestamp() }}) as record_at,
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
            cast(null as date) as landed_on,
            cast(null as {{ dbt.type_string() }}) as record_key,
            cast(null as {{ dbt.type_timestamp() }}) as record_at,
            cast(null as {{ dbt.type_string() }}) as op,
            cast(null as {{ dbt.type_string() }}) as payload
        where 1 = 0
    )
    {%- endif -%}
{%- endmacro %}

{# What a vendor's records of `kind` (orders, carts) hold in their list column `list`, as a relation:
   all columns of the record, `item` (the entry) and `position` (from 1); of the readable records in
   batches that `this` has not taken in yet. For staging lines that come inside their order; `stream`
   is the lake's name of the record where it is not that of the kind. A model that takes entries of
   several kinds names all their streams each time: an engine may write whole days of them. #}
{% macro staged_entries(vendor, kind, list, stream=none) -%}
    {%- set records = ref("stg_" ~ vendor ~ "__" ~ kind) -%}
    {%- set batches = _batches_to_read(vendor, stream or kind) -%}
    {%- set readable -%}
    (
        select *
        from {{ records }}
        where reject_reason is null and op = 'upsert'
        {%- if execute and is_incremental() and batches %}
            and {{ landed_since(batches | map(attribute="landed_at") | min) }}
            and batch_id in ('{{ batches | map(attribute="batch_id") | join("', '") }}')
        {%- elif execute and is_incremental() %}
            and 1 = 0
        {%- endif %}
    )
    {%- endset -%}
    {{ exploded(readable, list) }}
{%- endmacro %}

{% macro _batches_to_read(vendor, stream) -%}
    {%- set listed = [] -%}
    {%- set streams = [stream] if stream is string else stream -%}
    {%- for b in var("batches") if b.vendor == vendor and b.stream in streams -%}
        {%- do listed.append(b) -%}
    {%- endfor -%}
    {%- set taken = {} -%}
    {%- if execute and listed and is_incremental() -%}
        {%- set oldest = listed | map(attribute="landed_at") | min -%}
        {%- for batch_id in column_values(this, "batch_id", landed_since(oldest)) -%}
            {%- do taken.update({batch_id: true}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(batches_to_write(listed, taken)) }}
{%- endmacro %}

{# Condition that lets an engine skip what landed before. #}
{% macro landed_since(landed_at) -%}
    landed_at >= {{ moment(landed_at) }}
{%- endmacro %}

{# Distinct values of a column, as texts; none where the relation does not exist yet. #}
{% macro column_values(relation, column, where="1 = 1") -%}
    {%- set result = run_query(
        "select distinct cast(" ~ column ~ " as " ~ dbt.type_string() ~ ") as v from "
        ~ relation ~ " where " ~ where ~ " order by 1"
    ) -%}
    {{ return(result.columns[0].values() | list) }}
{%- endmacro %}
