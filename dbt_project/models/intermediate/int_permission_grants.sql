with

permissions as (
    select * from {{ ref("permissions") }}
    where valid_from <= {{ as_of() }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

people as (
    select * from {{ ref("people") }}
),

rules as (
    select * from {{ ref("country_rules") }}
),

-- Who has objected to it once, by whatever address.
objected as (
    select distinct
        n.person_id,
        p.channel,
        p.purpose
    from permissions as p
    inner join nodes as n on p.node_id = n.node_id
    where p.state <> 'granted'
),

-- Where it is not known who that is, or where they live, the rules of ZZ hold. A confirmation is of this
-- declaration, not of one on a day before; files often tell days alone.
facts as (
    select
        p.*,
        w.first_order_at,
        o.person_id is not null as has_objected,
        coalesce(
            p.confirmed_at <= {{ as_of() }} and {{ day_of("p.confirmed_at") }} >= {{ day_of("p.valid_from") }}, false
        ) as is_confirmed,
        coalesce(r.double_opt_in, true) as double_opt_in,
        coalesce(r.soft_opt_in, false) as soft_opt_in,
        case
            when p.legal_basis = 'soft_opt_in' and r.soft_opt_in_months is not null
                then {{ after("w.last_order_at", "r.soft_opt_in_months", "month") }}
        end as expires_at
    from permissions as p
    left join nodes as n on p.node_id = n.node_id
    left join people as w on n.person_id = w.person_id
    left join objected as o on n.person_id = o.person_id and p.channel = o.channel and p.purpose = o.purpose
    left join rules as k on w.country = k.country
    left join rules as r on coalesce(k.country, 'ZZ') = r.country
    where p.state = 'granted'
),

judged as (
    select
        *,
        {{ first_reason([
            ["legal_basis = 'consent' and double_opt_in and not is_confirmed", "permission_unconfirmed"],
            ["legal_basis = 'consent'", ""],
            ["legal_basis <> 'soft_opt_in'", "unknown_basis"],
            ["channel <> 'email'", "soft_opt_in_by_email_only"],
            ["not soft_opt_in", "soft_opt_in_not_here"],
            ["proof is null", "soft_opt_in_without_proof"],
            ["first_order_at is null or first_order_at > valid_from", "soft_opt_in_without_purchase"],
            ["has_objected", "soft_opt_in_after_objection"],
            ["expires_at <= " ~ as_of(), "permission_expired"],
        ]) }} as reason
    from facts
),

final as (
    select
        permission_key,
        node_id,
        channel,
        purpose,
        case
            when coalesce(reason, '') = '' then 'granted'
            when reason like 'permission_%' then replace(reason, 'permission_', '')
            else 'unfounded'
        end as state,
        nullif(reason, '') as reason,
        legal_basis,
        valid_from,
        case
            when reason = 'permission_expired' then expires_at
            when legal_basis = 'consent' and double_opt_in and is_confirmed then greatest(valid_from, confirmed_at)
            else valid_from
        end as since,
        expires_at
    from judged
)

select * from final
