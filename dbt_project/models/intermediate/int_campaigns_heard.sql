with

campaigns as (
    select * from {{ ref("int_person_messages") }}
    where counts and kind = 'mass' and purpose = 'marketing'
),

engagement as (
    select * from {{ ref("int_engagement") }}
    where engagement in ('lapsing', 'dormant')
),

-- Of the asking whether to stay, what was asked since they fell silent for good.
final as (
    select
        e.person_id,
        max(c.planned_as_of) as last_at,
        cast(sum(
            case
                when e.engagement = 'dormant' and c.programme = 'reactivation' and c.planned_as_of > e.since then 1
                else 0
            end
        ) as {{ dbt.type_bigint() }}) as reactivations
    from engagement as e
    inner join campaigns as c on e.person_id = c.person_id
    group by e.person_id
)

select * from final
