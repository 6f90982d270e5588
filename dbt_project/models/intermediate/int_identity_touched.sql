{% set days = fresh_days() %}

with

sightings as (
    select * from {{ ref("int_identity_sightings") }}
    where cast(landed_on as {{ dbt.type_string() }}) in ('{{ days | join("', '") }}')
),

cuts as (
    select * from {{ ref("int_identity_cuts") }}
    where {{ is_since_fresh("known_at") }}
),

final as (
    select node_id from sightings
    union
    select other_id as node_id from sightings
    where other_id is not null
    union
    select node_id from cuts
    union
    select other_id as node_id from cuts
)

select * from final
