-- depends_on: {{ ref("int_identity_changes") }}

with

components as (
    select * from {{ ref("int_identity_components") }}
),

final as (
    select
        node_id,
        {{ person_key("first_node") }} as person_id,
        node_type,
        first_seen_at as since,
        cast(null as {{ dbt.type_timestamp() }}) as until
    from components
)

select * from final
