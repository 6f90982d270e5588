with

claims as (
    select * from {{ ref("int_account_claims") }}
),

members as (
    select
        account_id,
        person_id,
        min(basis) as basis,
        min(since) as since,
        coalesce(max(last_at) filter (where basis = 'crm'), max(last_at)) as last_at
    from claims
    group by account_id, person_id
),

-- What somebody wrote down beats what an address looks like, the newest word beats older ones.
final as (
    select
        {{ key(["account_id", "person_id"]) }} as member_key,
        account_id,
        person_id,
        basis,
        since,
        row_number() over (
            partition by person_id
            order by basis asc, last_at desc nulls last, account_id asc
        ) = 1 as is_main
    from members
)

select * from final
