with

candidates as (
    select * from {{ ref("candidates") }}
),

decisions as (
    select * from {{ ref("decisions") }}
    where verdict in ('send', 'hold')
),

addresses as (
    select * from {{ ref("int_addresses") }}
),

-- Two persons may meet in one message key (an occasion of both before they merged): one message.
ranked as (
    select
        c.*,
        d.verdict,
        a.address,
        row_number() over (partition by c.message_key order by c.candidate_key) as rank
    from candidates as c
    inner join decisions as d on c.candidate_key = d.candidate_key
    inner join addresses as a on c.address_node = a.address_node
),

final as (
    select
        message_key,
        address,
        address_node,
        person_id,
        programme,
        campaign_id,
        occasion,
        step,
        variant,
        channel,
        purpose,
        kind,
        destination,
        verdict,
        as_of as send_after,
        content,
        evidence,
        as_of as planned_as_of
    from ranked
    where rank = 1
)

select * from final
