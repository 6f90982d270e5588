{{ config(schema="marts", contract={"enforced": true}) }}

with

gates as (
    select * from {{ ref("decision_gates") }}
),

-- What fails outright decides before what only has to wait; then the first gate in order.
stopping as (
    select
        *,
        row_number() over (
            partition by candidate_key
            order by case when verdict = 'fail' then 0 else 1 end, gate_no
        ) as rank
    from gates
    where verdict in ('fail', 'defer')
),

keys as (
    select distinct
        run_id,
        candidate_key
    from gates
),

final as (
    select
        k.run_id,
        k.candidate_key,
        case
            when s.candidate_key is null then 'send'
            when s.gate = 'programme_holdout' then 'hold'
            when s.verdict = 'defer' then 'defer'
            else 'drop'
        end as verdict,
        s.gate,
        s.reason,
        s.defer_until
    from keys as k
    left join stopping as s on k.candidate_key = s.candidate_key and s.rank = 1
)

select * from final
