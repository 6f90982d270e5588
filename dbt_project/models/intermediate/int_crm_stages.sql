{# Of whom a CRM speaks: the people themselves, and their accounts. #}
{% set subjects = ["person_id", "account_id"] %}

with

open_deals as (
    select * from {{ ref("int_open_deals") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

contacts as (
    select
        n.person_id,
        c.stage,
        c.stage_since
    from {{ ref("int_contacts") }} as c
    inner join nodes as n on c.node_id = n.node_id
),

companies as (
    select * from {{ ref("int_company_accounts") }}
),

deals as (
    select
        d.*,
        n.person_id
    from {{ ref("deals") }} as d
    left join nodes as n on d.node_id = n.node_id
    where d.is_closed and d.closed_at <= {{ as_of() }}
),

closed as (
    {% for subject in subjects %}
    select
        {{ subject }} as subject,
        max(closed_at) as closed_at
    from deals
    where {{ subject }} is not null
    group by {{ subject }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

stated as (
    {% for subject, relation in [("person_id", "contacts"), ("account_id", "companies")] %}
    select
        {{ subject }} as subject,
        'deciding' as stage,
        'deal' as basis,
        changed_at as since
    from open_deals
    where {{ subject }} is not null
    union all
    select
        {{ subject }} as subject,
        stage,
        'lifecycle' as basis,
        stage_since as since
    from {{ relation }}
    where stage is not null
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- Nobody turns a lifecycle back: a late stage says nothing any more after a quarter, or once a deal was closed.
held as (
    select s.*
    from stated as s
    left join closed as c on s.subject = c.subject
    where
        s.basis = 'deal' or s.stage = 'customer'
        or (s.since > {{ ago(90, "day") }} and (c.closed_at is null or c.closed_at < s.since))
),

ranked as (
    select
        *,
        {{ stage_place("stage") }} as place,
        row_number() over (
            partition by subject order by {{ stage_place("stage") }} asc, since desc, basis asc
        ) as rank
    from held
),

final as (
    select
        subject,
        stage,
        place,
        basis,
        since
    from ranked
    where rank = 1
)

select * from final
