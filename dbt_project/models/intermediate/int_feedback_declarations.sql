{{ config(materialized="view") }}

with

unsubscribed as (
    select * from {{ ref("int_feedback") }}
    where kind = 'unsubscribed'
),

-- Who unsubscribes from one message wants none of its kind by that channel. A meeting needs the permission of an email.
final as (
    select
        f.feedback_key as declaration_key,
        f.source_id,
        concat('feedback ', f.feedback_key) as declaration_id,
        coalesce(c.address_type, 'email') as address_type,
        f.address_node,
        cast(null as {{ dbt.type_string() }}) as user_node,
        coalesce(c.permission_channel, f.channel) as channel,
        'marketing' as purpose,
        'withdrawn' as state,
        cast(null as {{ dbt.type_string() }}) as legal_basis,
        'unsubscribed from a message' as proof,
        f.occurred_at as valid_from,
        cast(null as {{ dbt.type_timestamp() }}) as confirmed_at,
        f.known_at
    from unsubscribed as f
    left join {{ ref("channels") }} as c on f.channel = c.channel
)

select * from final
