{# Sessions that began longer ago are not read: no programme answers them. #}
{% set most_days = 10 %}

with

events as (
    select * from {{ ref("web_events") }}
    where
        occurred_on >= {{ day_of(ago(most_days, "day")) }} and occurred_at <= {{ as_of() }}
        and event in ('Product Viewed', 'Product Added', 'Order Completed')
),

sessions as (
    select * from {{ ref("sessions") }}
    where started_on >= {{ day_of(ago(most_days, "day")) }} and not is_bot
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

visits as (
    select
        n.person_id,
        v.session_id,
        max(case when e.event = 'Product Viewed' then e.occurred_at end) as viewed_at,
        max(e.occurred_at) as last_at,
        bool_or(e.event <> 'Product Viewed') as is_carted
    from sessions as v
    inner join events as e on v.session_id = e.session_id
    inner join nodes as n on v.node_id = n.node_id
    group by n.person_id, v.session_id
),

-- Whoever comes back is waited for anew.
final as (
    select
        person_id,
        session_id,
        viewed_at,
        is_carted
    from visits
    qualify row_number() over (partition by person_id order by last_at desc, session_id asc) = 1
)

select * from final
