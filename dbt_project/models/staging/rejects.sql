with

final as (
    {% for vendor, kinds in staged_here().items() %}
    {% set last_vendor = loop.last %}
    {% for kind in kinds %}
    select
        source_id,
        '{{ vendor }}.{{ kind }}' as stream,
        record_key,
        reject_reason,
        payload,
        batch_id,
        seq,
        landed_at
    from {{ ref("stg_" ~ vendor ~ "__" ~ kind) }}
    where reject_reason is not null
    {{ "union all" if not (loop.last and last_vendor) }}
    {% endfor %}
    {% endfor %}
)

select * from final
