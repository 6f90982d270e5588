with

messages as (
    select * from {{ ref("messages") }}
    where planned_as_of < {{ as_of() }}
),

sends as (
    select
        *,
        {{ version_rank() }} as version_rank
    from {{ ref("int_send_versions") }}
),

programmes as (
    select * from {{ ref("programmes") }}
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
    where is_valid
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

people as (
    select * from {{ ref("people") }}
),

-- Whoever the address belongs to now: messages follow a merge.
own as (
    select
        m.message_key,
        coalesce(n.person_id, m.person_id) as person_id,
        m.programme,
        m.campaign_id,
        m.occasion,
        m.step,
        m.channel,
        m.purpose,
        m.kind,
        m.planned_as_of,
        m.state in ('reserved', 'delivering', 'accepted', 'unknown', 'held') as counts,
        m.state = 'accepted' as is_received,
        false as is_imported
    from messages as m
    left join nodes as n on m.address_node = n.node_id
),

-- What the previous tool sent counts like our own; unless it names a programme, as a campaign.
imported as (
    select
        {{ key(["s.source_id", "s.record_key"]) }} as message_key,
        n.person_id,
        s.programme,
        s.campaign_id,
        s.occasion,
        s.step,
        s.channel,
        s.purpose,
        coalesce(g.kind, 'mass') as kind,
        s.sent_at as planned_as_of,
        true as counts,
        true as is_received,
        true as is_imported
    from sends as s
    inner join identifiers as i
        on
            case when s.channel = 'call' then 'phone' else 'email' end = i.identifier_type
            and case when s.channel = 'call' then s.phone_raw else s.email_raw end = i.raw_value
    inner join nodes as n on i.node_id = n.node_id
    left join programmes as g on s.programme = g.programme
    where s.version_rank = 1
),

all_of_them as (
    select * from own
    union all
    select * from imported
),

final as (
    select
        b.*,
        case when g.one_per_account then p.account_id end as account_id
    from all_of_them as b
    left join programmes as g on b.programme = g.programme
    left join people as p on b.person_id = p.person_id
)

select * from final
