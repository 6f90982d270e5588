with

answers as (
    select * from {{ ref("int_day_choices") }}
),

judged as (
    select
        *,
        {{ answer_differs() }} as is_different
    from answers
),

-- Permission to write needs the address that was given with it.
final as (
    select
        {{ key(["batch_id", "seq", "field", "channel", "purpose"]) }} as choice_key,
        source_id,
        user_node,
        email_node,
        field,
        channel,
        purpose,
        legal_basis,
        case when is_allowed then 'granted' else 'withdrawn' end as state,
        occurred_at,
        landed_at
    from judged
    where is_different and (not is_allowed or email_node is not null or channel = 'call')
)

select * from final
