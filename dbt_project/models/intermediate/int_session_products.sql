{# Sessions that began longer ago are not read: no programme answers them. #}
{% set most_days = 10 %}

with

events as (
    select * from {{ ref("web_events") }}
    where
        occurred_on >= {{ day_of(ago(most_days, "day")) }} and occurred_at <= {{ as_of() }}
        and event = 'Product Viewed' and product_id is not null and not is_bot
),

spaces as (
    select
        event_key,
        id_space
    from {{ ref("int_web_events") }}
    where occurred_on >= {{ day_of(ago(most_days, "day")) }} and event = 'Product Viewed'
),

catalogue as (
    select * from {{ ref("int_catalogue") }}
    where not is_sensitive
),

final as (
    select
        e.session_id,
        p.product_key,
        count(*) as views,
        max(e.occurred_at) as viewed_at
    from events as e
    inner join spaces as s on e.event_key = s.event_key
    inner join catalogue as p on s.id_space = p.id_space and e.product_id = p.product_id
    group by e.session_id, p.product_key
)

select * from final
