{{ config(schema="marts", contract={"enforced": true}) }}

-- depends_on: {{ ref("reasons") }}

with

candidates as (
    select
        candidate_key,
        run_id
    from {{ ref("candidates") }}
),

gates as (
    select * from {{ ref("gates") }}
),

dependent as (
    {% for gate in ["caps", "arbitration", "programme_holdout"] %}
    select
        candidate_key,
        '{{ gate }}' as gate,
        {{ verdict_of("failed", "deferred") }} as verdict,
        coalesce(failed, deferred) as reason,
        seen,
        defer_until
    from {{ ref("gate_" ~ gate) }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

judged as (
    select
        candidate_key,
        gate,
        verdict,
        reason,
        seen,
        defer_until
    from {{ ref("int_independent_verdicts") }}
    union all
    select * from dependent
),

-- Caps, arbitration and the programme's holdout see survivors only.
final as (
    select
        c.run_id,
        c.candidate_key,
        g.gate_no,
        g.gate,
        coalesce(j.verdict, 'not_reached') as verdict,
        j.reason,
        j.seen,
        j.defer_until,
        g.rule_version
    from candidates as c
    cross join gates as g
    left join judged as j on c.candidate_key = j.candidate_key and g.gate = j.gate
)

select * from final
