{{ config(schema="marts", contract={"enforced": true}) }}

with

proposed as (
    select * from {{ ref("int_proposals") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

addresses as (
    select * from {{ ref("int_addresses") }}
),

permission_now as (
    select * from {{ ref("permission_now") }}
),

-- The occasion's own address first, else one with a permission, else the newest that is valid.
reachable as (
    select
        c.programme,
        c.person_id,
        c.occasion,
        c.step,
        a.address_node,
        row_number() over (
            partition by c.programme, c.person_id, c.occasion, c.step
            order by
                case when a.address_node = c.wanted_address_node then 0 else 1 end,
                case
                    when w.state = 'granted' and (w.legal_basis <> 'soft_opt_in' or c.similar_products) then 0
                    else 1
                end,
                case when a.is_valid then 0 else 1 end,
                w.since desc nulls last,
                n.since desc nulls last,
                a.address_node asc
        ) as rank
    from proposed as c
    inner join nodes as n on c.person_id = n.person_id and c.address_type = n.node_type
    inner join addresses as a on n.node_id = a.address_node
    left join permission_now as w
        on a.address_node = w.address_node and c.permission_channel = w.channel and c.purpose = w.purpose
),

final as (
    select
        {{ key(["c.programme", "c.person_id", "c.occasion", "c.step"]) }} as candidate_key,
        '{{ var("run_id") }}' as run_id,
        {{ as_of() }} as as_of,
        {{ key(["c.programme", "c.campaign_id", "c.occasion", "c.step", "c.channel", "c.subject"]) }} as message_key,
        c.programme,
        c.kind,
        c.person_id,
        c.account_id,
        c.occasion,
        c.step,
        c.campaign_id,
        c.variant,
        c.channel,
        c.permission_channel,
        c.purpose,
        c.destination,
        r.address_node,
        c.occurred_at,
        c.expires_at,
        c.value,
        c.currency,
        c.topic,
        c.context_ok,
        c.context_reason,
        c.stimulus_message_key,
        c.content,
        c.evidence
    from proposed as c
    left join reachable as r
        on
            c.programme = r.programme and c.person_id = r.person_id
            and c.occasion = r.occasion and c.step = r.step and r.rank = 1
)

select * from final
