{# How many minor units a currency (ISO 4217, an expression) has: 100, but for these. #}
{% macro minor_units(currency, most=1, usual=100, least=1000) -%}
    case
        when upper({{ currency }}) in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV',
            'XAF', 'XOF', 'XPF'
        ) then {{ most }}
        when upper({{ currency }}) in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then {{ least }}
        else {{ usual }}
    end
{%- endmacro %}

{# Whether an order of this status (an expression) is a purchase; one that waits for its payment is
   none yet. #}
{% macro is_bought(status) -%}
    (coalesce({{ status }}, '') not in ('pending', 'cancelled', 'canceled', 'failed', 'trash'))
{%- endmacro %}

{# What a minor unit is worth in minor units of the reporting currency, of a row of the seed
   currency_rates, which tells what a whole unit is worth. Multiplied only: to divide decimals gives
   a double on some engines. #}
{% macro minor_rate() -%}
    cast(
        rate * {{ minor_units("reporting_currency") }} * {{ minor_units("currency", "1.000", "0.010", "0.001") }}
        as numeric(18, 6)
    )
{%- endmacro %}
