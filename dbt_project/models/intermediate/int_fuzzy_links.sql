with

pairs as (
    select * from {{ ref("int_fuzzy_pairs") }}
),

-- Full names and a town are 9 points, and thousands of people; with a postcode they are 12. Where one
-- of the names is not known (0, 3 or 4 points), a birth date alone is not enough either.
judged as (
    select
        *,
        verdict = 'alike'
        and score >= case when name_points in (0, 3, 4) then 12 else 10 end
        and (name_points > 0 or (name_points = 0 and is_one_mailbox)) as is_one
    from pairs
),

-- What once told two people apart holds against all that makes them look like one.
final as (
    select
        node_id,
        other_id,
        min(rule) filter (where is_one) as rule,
        max(score) filter (where is_one) as score,
        min(known_at) filter (where is_one) as known_at
    from judged
    group by node_id, other_id
    having bool_or(is_one) and not bool_or(verdict in ('twin', 'parent', 'sibling'))
)

select * from final
