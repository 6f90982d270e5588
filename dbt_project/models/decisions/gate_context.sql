with

candidates as (
    select * from {{ ref("candidates") }}
),

programmes as (
    select * from {{ ref("programmes") }}
),

conversions as (
    select
        n.person_id,
        v.account_id,
        v.goal,
        v.occurred_at
    from {{ ref("conversions") }} as v
    left join {{ ref("people_nodes") }} as n on v.node_id = n.node_id
    where v.occurred_at <= {{ as_of() }}
),

freshness as (
    select min(newest_at) as newest_at
    from {{ ref("int_source_freshness") }}
),

-- By the same person, whatever the cart, the device or the login it was bought with; by a colleague,
-- where the programme speaks to a company.
reached as (
    {% for whose in ["person_id", "account_id"] %}
    select
        c.candidate_key,
        min(v.occurred_at) as reached_at
    from candidates as c
    inner join programmes as g on c.programme = g.programme
    inner join conversions as v
        on c.{{ whose }} = v.{{ whose }} and g.goal = v.goal and c.occurred_at < v.occurred_at
    where c.kind = 'triggered'
    group by c.candidate_key
    {{ "union all" if not loop.last }}
    {% endfor %}
),

ended as (
    select
        candidate_key,
        min(reached_at) as reached_at
    from reached
    group by candidate_key
),

final as (
    select
        c.candidate_key,
        case
            when not c.context_ok then coalesce(c.context_reason, 'expired')
            when c.expires_at <= {{ as_of() }} then 'expired'
            when r.reached_at is not null then case when g.goal = 'buy' then 'goal_reached' else 'decided' end
        end as failed,
        case
            when g.needs_fresh is not null and f.newest_at < {{ ago("g.needs_fresh") }} then 'stale_source'
        end as deferred,
        cast(coalesce(r.reached_at, c.occurred_at) as {{ dbt.type_string() }}) as seen,
        cast(null as {{ dbt.type_timestamp() }}) as defer_until
    from candidates as c
    inner join programmes as g on c.programme = g.programme
    left join ended as r on c.candidate_key = r.candidate_key
    cross join freshness as f
)

select * from final
