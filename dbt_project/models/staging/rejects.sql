{% set bases = [
    "base_database__customers", "base_database__products", "base_database__orders",
    "base_database__order_lines", "base_database__consents", "base_segment__events",
    "base_parley__identifiers", "base_parley__messages",
] %}

with

final as (
    {% for base in bases %}
    select
        source_id,
        '{{ base | replace("base_", "") | replace("__", ".") }}' as stream,
        record_key,
        reject_reason,
        payload,
        batch_id,
        seq,
        landed_at
    from {{ ref(base) }}
    where reject_reason is not null
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from final
