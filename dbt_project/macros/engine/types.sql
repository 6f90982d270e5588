{# Text with an ISO 8601 moment -> timestamp in UTC (no zone means UTC); null where it is none. #}
{% macro to_utc(text) -%}
    {{ return(adapter.dispatch("to_utc")(text)) }}
{%- endmacro %}

{# DuckDB's cast of text to a plain timestamp ignores the offset; through timestamptz it does not. #}
{% macro duckdb__to_utc(text) -%}
    (try_cast({{ text }} as timestamptz) at time zone 'UTC')
{%- endmacro %}

{# A moment in UTC -> the clock on the wall in `zone` (IANA name, an expression). #}
{% macro to_local(moment, zone) -%}
    {{ return(adapter.dispatch("to_local")(moment, zone)) }}
{%- endmacro %}

{% macro duckdb__to_local(moment, zone) -%}
    (({{ moment }} at time zone 'UTC') at time zone {{ zone }})
{%- endmacro %}

{# The clock on the wall in `zone` -> the moment in UTC. #}
{% macro from_local(moment, zone) -%}
    {{ return(adapter.dispatch("from_local")(moment, zone)) }}
{%- endmacro %}

{% macro duckdb__from_local(moment, zone) -%}
    (({{ moment }} at time zone {{ zone }}) at time zone 'UTC')
{%- endmacro %}

{# An IANA time zone name -> itself where the engine knows it, else null. #}
{% macro known_zone(zone) -%}
    {{ return(adapter.dispatch("known_zone")(zone)) }}
{%- endmacro %}

{% macro duckdb__known_zone(zone) -%}
    case when {{ zone }} in (select name from pg_timezone_names()) then {{ zone }} end
{%- endmacro %}

{# Whole milliseconds since 1970 (UTC), and back: the portable way to add and subtract moments. #}
{% macro to_millis(moment) -%}
    {{ return(adapter.dispatch("to_millis")(moment)) }}
{%- endmacro %}

{% macro duckdb__to_millis(moment) -%}
    epoch_ms({{ moment }})
{%- endmacro %}

{% macro from_millis(millis) -%}
    {{ return(adapter.dispatch("from_millis")(millis)) }}
{%- endmacro %}

{% macro duckdb__from_millis(millis) -%}
    make_timestamp_ms({{ millis }})
{%- endmacro %}

{# Hexadecimal digits (at most 7) -> integer. #}
{% macro hex_number(digits) -%}
    {{ return(adapter.dispatch("hex_number")(digits)) }}
{%- endmacro %}

{% macro duckdb__hex_number(digits) -%}
    cast(concat('0x', {{ digits }}) as bigint)
{%- endmacro %}

{# Text with a decimal number in major units -> integer minor units; null where it is no number. #}
{% macro to_minor(text) -%}
    cast(round(try_cast({{ text }} as decimal(28, 6)) * 100) as bigint)
{%- endmacro %}

{# Text -> integer; null where it is none. #}
{% macro to_int(text) -%}
    try_cast({{ text }} as bigint)
{%- endmacro %}

{# Text -> boolean; databases say 1 and 0 where they have no type of their own. #}
{% macro to_bool(text) -%}
    (lower({{ text }}) in ('1', 'true', 't', 'yes'))
{%- endmacro %}
