{{ config(materialized="view") }}

with

consents as (
    select * from {{ ref("int_consent_versions") }}
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
    where is_valid
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

addressed as (
    select
        c.*,
        case c.channel
            when 'call' then p.node_id
            -- Letters go to wherever the customer lives.
            when 'post' then {{ node("user_id", "case when b.value is null then c.customer_id end", "c.id_space") }}
            else e.node_id
        end as own_node
    from consents as c
    left join blocked as b on lower(c.customer_id) = b.value
    left join identifiers as e
        on c.email_raw = e.raw_value and e.identifier_type = 'email'
    left join identifiers as p
        on c.phone_raw = p.raw_value and p.identifier_type = 'phone'
),

{% set earlier = "partition by source_id, record_key order by landed_at, record_at nulls first, batch_id, seq" %}
before as (
    select
        *,
        {% for column in ["op", "state", "consent_id", "channel", "purpose", "own_node", "landed_at"] %}
        lag({{ column }}) over ({{ earlier }}) as {{ column }}_before,
        {% endfor %}
        lag(legal_basis) over ({{ earlier }}) as legal_basis_before
    from addressed
),

final as (
    select
        *,
        -- What was granted to an address, and is not said of it any more.
        coalesce(state_before = 'granted' and own_node_before is not null and (
            own_node is distinct from own_node_before
            or channel is distinct from channel_before
            or purpose is distinct from purpose_before
        ), false) as is_moved,
        -- What came back, or came to another address, was not there yet when that was landed.
        coalesce(op = 'upsert' and state = 'granted' and (
            op_before = 'delete'
            or state_before = 'none'
            or (state_before = 'granted' and own_node is distinct from own_node_before)
        ), false) as is_new
    from before
)

select * from final
