{# Text with an ISO 8601 moment -> timestamp in UTC (no zone means UTC); null where it is none. #}
{% macro to_utc(text) -%}
    {{ return(adapter.dispatch("to_utc")(text)) }}
{%- endmacro %}

{# DuckDB's cast of text to a plain timestamp ignores the offset; through timestamptz it does not.
   Asking for its microseconds is much faster than asking for a time zone. #}
{% macro duckdb__to_utc(text) -%}
    make_timestamp(epoch_us(try_cast({{ text }} as timestamptz)))
{%- endmacro %}

{# Spark also knows words, such as now and tomorrow. #}
{% macro spark__to_utc(text) -%}
    case when ltrim({{ text }}) rlike '^[0-9]' then try_cast({{ text }} as timestamp) end
{%- endmacro %}

{# Text with an ISO 8601 day, alone or with a time -> date; null where it is none. #}
{% macro to_day(text) -%}
    case when ltrim({{ text }}) like '____-__-__%' then try_cast(substr(ltrim({{ text }}), 1, 10) as date) end
{%- endmacro %}

{# A moment in UTC -> the clock on the wall in `zone` (IANA name, an expression). #}
{% macro to_local(moment, zone) -%}
    {{ return(adapter.dispatch("to_local")(moment, zone)) }}
{%- endmacro %}

{% macro duckdb__to_local(moment, zone) -%}
    (({{ moment }} at time zone 'UTC') at time zone {{ zone }})
{%- endmacro %}

{% macro spark__to_local(moment, zone) -%}
    from_utc_timestamp({{ moment }}, {{ zone }})
{%- endmacro %}

{# The clock on the wall in `zone` -> the moment in UTC. #}
{% macro from_local(moment, zone) -%}
    {{ return(adapter.dispatch("from_local")(moment, zone)) }}
{%- endmacro %}

{% macro duckdb__from_local(moment, zone) -%}
    (({{ moment }} at time zone {{ zone }}) at time zone 'UTC')
{%- endmacro %}

{% macro spark__from_local(moment, zone) -%}
    to_utc_timestamp({{ moment }}, {{ zone }})
{%- endmacro %}

{# An IANA time zone name -> itself where it is one, else null. #}
{% macro known_zone(zone) -%}
    case when {{ zone }} in ('{{ modules.pytz.all_timezones | join("', '") }}') then {{ zone }} end
{%- endmacro %}

{# Whole milliseconds since 1970 (UTC), and back: the portable way to add and subtract moments. #}
{% macro to_millis(moment) -%}
    {{ return(adapter.dispatch("to_millis")(moment)) }}
{%- endmacro %}

{% macro duckdb__to_millis(moment) -%}
    epoch_ms({{ moment }})
{%- endmacro %}

{% macro spark__to_millis(moment) -%}
    unix_millis({{ moment }})
{%- endmacro %}

{% macro from_millis(millis) -%}
    {{ return(adapter.dispatch("from_millis")(millis)) }}
{%- endmacro %}

{% macro duckdb__from_millis(millis) -%}
    make_timestamp_ms({{ millis }})
{%- endmacro %}

{% macro spark__from_millis(millis) -%}
    timestamp_millis({{ millis }})
{%- endmacro %}

{# Whole microseconds since 1970 (UTC), as text or number -> a moment; null where they are none, or
   lie beyond the year 2286. #}
{% macro from_micros(micros) -%}
    {{ return(adapter.dispatch("from_micros")(micros)) }}
{%- endmacro %}

{% macro duckdb__from_micros(micros) -%}
    make_timestamp(cast(try_cast({{ micros }} as decimal(16, 0)) as bigint))
{%- endmacro %}

{% macro spark__from_micros(micros) -%}
    timestamp_micros(cast(try_cast({{ micros }} as decimal(16, 0)) as bigint))
{%- endmacro %}

{# `count` (a number or an expression) whole `unit`s (minute, hour, day) after `moment`. #}
{% macro after(moment, count, unit="hour") -%}
    {{ return(adapter.dispatch("after")(moment, count, unit)) }}
{%- endmacro %}

{% macro default__after(moment, count, unit) -%}
    {{ dbt.dateadd(unit, count, moment) }}
{%- endmacro %}

{# dbt's own macro for Spark drops the milliseconds. #}
{% macro spark__after(moment, count, unit) -%}
    timestampadd({{ unit }}, cast({{ count }} as int), {{ moment }})
{%- endmacro %}

{# Hexadecimal digits (at most 7) -> integer. #}
{% macro hex_number(digits) -%}
    {{ return(adapter.dispatch("hex_number")(digits)) }}
{%- endmacro %}

{% macro duckdb__hex_number(digits) -%}
    cast(concat('0x', {{ digits }}) as bigint)
{%- endmacro %}

{% macro spark__hex_number(digits) -%}
    cast(conv({{ digits }}, 16, 10) as bigint)
{%- endmacro %}

{# Text with a decimal number in major units -> integer minor units of the currency (an expression;
   two decimals where it is null); null where it is no number, or has more than 12 digits before the
   point. #}
{% macro to_minor(text, currency="null") -%}
    cast(round(try_cast({{ text }} as decimal(18, 6)) * {{ minor_units(currency) }}) as bigint)
{%- endmacro %}

{# Text -> integer, rounded; null where it is no number, or has more than 18 digits. #}
{% macro to_int(text) -%}
    cast(try_cast({{ text }} as decimal(18, 0)) as bigint)
{%- endmacro %}

{# Text -> decimal with 6 places; null where it is no number, or has more than 12 digits before the
   point. #}
{% macro to_decimal(text) -%}
    try_cast({{ text }} as decimal(18, 6))
{%- endmacro %}

{# Text with a whole number (12, 12.0) -> integer; null where it has a fraction: money in minor units
   that has one is in major units by mistake. #}
{% macro to_whole(text) -%}
    cast(case
        when try_cast({{ text }} as decimal(24, 6)) = try_cast({{ text }} as decimal(18, 0))
            then try_cast({{ text }} as decimal(18, 0))
    end as bigint)
{%- endmacro %}

{# Condition: the text is a number as a double tells it (9007199254740992.0, 9.00719925474099e+15), of
   more digits than a double keeps: the ids of two things may have become this one. #}
{% macro is_rounded_id(text) -%}
    (({{ text }} like '%.0' or lower({{ text }}) like '%.%e%')
    and abs(try_cast({{ text }} as double)) >= 1000000000000000)
{%- endmacro %}

{# Text -> boolean; databases say 1 and 0 where they have no type of their own. #}
{% macro to_bool(text) -%}
    (lower({{ text }}) in ('1', 'true', 't', 'yes'))
{%- endmacro %}

{# A day -> whole days since 1970. #}
{% macro day_number(day) -%}
    {{ return(adapter.dispatch("day_number")(day)) }}
{%- endmacro %}

{% macro duckdb__day_number(day) -%}
    date_diff('day', date '1970-01-01', {{ day }})
{%- endmacro %}

{% macro spark__day_number(day) -%}
    datediff({{ day }}, date '1970-01-01')
{%- endmacro %}
