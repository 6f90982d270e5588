with

newest as (
    {% for model, moment in [
        ("int_order_versions", "ordered_at"),
        ("int_event_versions", "coalesce(received_at, occurred_at)"),
    ] %}
    select
        source_id,
        {{ moment }} as happened_at
    from {{ ref(model) }}
    where {{ moment }} <= {{ as_of() }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (
    select
        source_id,
        max(happened_at) as newest_at
    from newest
    group by source_id
)

select * from final
