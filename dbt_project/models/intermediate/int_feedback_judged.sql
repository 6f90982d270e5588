{# No vendor tells of a message that left longer ago without naming it. #}
{% set guess_days = 30 %}

with

versions as (
    select
        *,
        min(landed_at) over (partition by source_id, record_key) as known_at,
        {{ version_rank() }} as version_rank
    from {{ ref("int_feedback_versions") }}
    where op = 'upsert'
),

-- What left, or may have: of what never did nobody can tell anything.
messages as (
    select
        *,
        coalesce(accepted_at, reserved_at) as left_at
    from {{ ref("int_ledger_messages") }}
    where state in ('accepted', 'unknown', 'delivering')
),

identifiers as (
    select * from {{ ref("int_identifiers") }}
    where is_valid
),

addressed as (
    select
        {{ key(["v.source_id", "v.record_key"]) }} as judged_key,
        v.*,
        coalesce(e.node_id, p.node_id) as told_node,
        v.email_raw is not null or v.phone_raw is not null as names_an_address
    from versions as v
    left join identifiers as e on e.identifier_type = 'email' and v.email_raw = e.raw_value
    left join identifiers as p on p.identifier_type = 'phone' and v.phone_raw = p.raw_value and v.email_raw is null
    where v.version_rank = 1
),

-- Who does not carry our key back may name the programme or the campaign: then it is the last message of it.
guessed as (
    select
        v.judged_key,
        max_by(m.message_key, {{ moment_key("m.left_at", "m.message_key") }}) as message_key
    from addressed as v
    inner join messages as m on v.told_node = m.address_node
    where
        v.message_key is null
        and (v.programme is not null or v.campaign_id is not null)
        and (v.programme is null or v.programme = m.programme)
        and (v.campaign_id is null or v.campaign_id = m.campaign_id)
        and (v.channel is null or v.channel = m.channel)
        and m.left_at <= v.occurred_at
        and {{ after("m.left_at", guess_days, "day") }} > v.occurred_at
    group by v.judged_key
),

final as (
    select
        v.judged_key,
        v.source_id,
        v.record_key,
        m.message_key,
        coalesce(m.address_node, v.told_node) as address_node,
        coalesce(m.channel, v.channel, 'email') as channel,
        v.kind,
        coalesce(v.is_hard, false) as is_hard,
        v.is_machine,
        v.url,
        v.reason,
        -- Nothing comes back before it left; nobody's clock is ours.
        greatest(v.occurred_at, m.left_at) as occurred_at,
        v.known_at,
        {{ first_reason([
            ["v.message_key is not null and m.message_key is null", "no_such_message"],
            ["v.names_an_address and v.told_node is null", "unknown_address"],
            ["v.told_node <> m.address_node", "not_its_address"],
            ["v.told_node is null and m.message_key is null", "nobody"],
        ]) }} as problem
    from addressed as v
    left join guessed as g on v.judged_key = g.judged_key
    left join messages as m on coalesce(v.message_key, g.message_key) = m.message_key
)

select * from final
