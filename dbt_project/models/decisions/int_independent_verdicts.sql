{% set gates = [
    "identity", "address", "permission", "suppression", "context", "memory", "global_holdout",
    "local_time",
] %}

with

judged as (
    {% for gate in gates %}
    select
        candidate_key,
        {{ loop.index }} as gate_no,
        '{{ gate }}' as gate,
        failed,
        deferred,
        seen,
        defer_until
    from {{ ref("gate_" ~ gate) }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (
    select
        candidate_key,
        gate_no,
        gate,
        {{ verdict_of("failed", "deferred") }} as verdict,
        coalesce(failed, deferred) as reason,
        seen,
        defer_until
    from judged
)

select * from final
