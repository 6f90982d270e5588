{# What a word says about being contacted: granted, withdrawn, or none, where nothing was declared. A
   word that nobody knows is unclear, which stops what was granted before as a withdrawal does. #}
{% macro permission_state(word) -%}
    case
        when lower(trim({{ word }})) in ('granted', 'subscribed', 'opted_in', 'opt_in', 'confirmed') then 'granted'
        when
            lower(trim({{ word }})) in (
                'withdrawn', 'unsubscribed', 'opted_out', 'opt_out', 'revoked', 'denied', 'declined', 'removed'
            )
            then 'withdrawn'
        when lower(trim({{ word }})) in ('none', 'pending', 'not_subscribed') then 'none'
        else 'unclear'
    end
{%- endmacro %}

{# A legal basis by our word for it. Who told none means consent; another one is kept, and holds for
   nothing. #}
{% macro legal_basis_of(word) -%}
    case
        when {{ word }} is null then 'consent'
        when
            lower(trim({{ word }})) in (
                'consent', 'explicit consent', 'express consent', 'express', 'opt_in', 'opt-in',
                'freely given consent from contact'
            )
            then 'consent'
        when
            lower(trim({{ word }})) in (
                'soft_opt_in', 'soft opt-in', 'soft-opt-in', 'implied consent', 'implied',
                'existing customer', 'legitimate interest – existing customer'
            )
            then 'soft_opt_in'
        else lower(trim({{ word }}))
    end
{%- endmacro %}

{# A moment of confirmation that can be true: not after the record was landed. #}
{% macro confirmed_by(moment) -%}
    case when {{ moment }} <= landed_at then {{ moment }} end
{%- endmacro %}
