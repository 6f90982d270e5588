with

caps as (
    select * from {{ ref("gate_caps") }}
),

survivors as (
    select
        c.*,
        g.priority
    from {{ ref("int_survivors") }} as c
    inner join caps as k on c.candidate_key = k.candidate_key
    inner join {{ ref("programmes") }} as g on c.programme = g.programme
    where k.failed is null and k.deferred is null
),

waits as (
    select * from {{ ref("int_mass_waits") }}
),

-- One person of a company at a time; their colleagues wait for how it ends.
heard as (
    select
        *,
        account_id is null or row_number() over (
            partition by account_id, programme
            order by value desc nulls last, candidate_key asc
        ) = 1 as is_speaker
    from survivors
),

ranked as (
    select
        *,
        row_number() over best as rank,
        first_value(programme) over best as winner,
        first_value(kind) over best as winner_kind
    from heard
    window best as (
        partition by person_id, purpose
        order by
            case when is_speaker then 0 else 1 end asc,
            case when kind = 'triggered' then 0 else 1 end asc,
            priority asc,
            value desc nulls last,
            candidate_key asc
    )
),

-- Response beats demand: a campaign waits while an answer is due or the person is deciding.
final as (
    select
        r.candidate_key,
        case
            when r.purpose = 'marketing' and r.rank > 1 and r.kind = 'mass' and r.winner_kind = 'mass'
                then 'lost_arbitration'
        end as failed,
        case
            when r.purpose <> 'marketing' then null
            when not r.is_speaker then 'colleague_first'
            when r.rank > 1 and r.kind = 'triggered' then 'lost_arbitration'
            when r.kind = 'mass' and r.winner_kind = 'triggered' then 'trigger_pending'
            when r.kind = 'mass' then w.reason
        end as deferred,
        case
            when r.rank > 1 then r.winner
            when r.kind = 'mass' then cast(w.last_at as {{ dbt.type_string() }})
        end as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from ranked as r
    left join waits as w on r.person_id = w.person_id
)

select * from final
