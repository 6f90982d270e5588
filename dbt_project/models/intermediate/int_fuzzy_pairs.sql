with

candidates as (
    select * from {{ ref("int_fuzzy_candidates") }}
),

records as (
    select * from {{ ref("int_fuzzy_records") }}
),

-- A point is worth about two bits: what two strangers share by chance once in four times.
compared as (
    select
        c.fuzzy_key,
        c.other_key,
        a.node_id,
        b.node_id as other_id,
        c.rule,
        greatest(a.known_at, b.known_at) as known_at,
        {{ name_points("a.first_name", "b.first_name") }} as first_points,
        {{ name_points("a.last_name", "b.last_name") }} as last_points,
        {{ name_points("a.first_name", "b.last_name") }}
        + {{ name_points("a.last_name", "b.first_name") }} as swapped_points,
        a.born_on is not null and b.born_on is not null as is_birth_known,
        case
            when a.born_on is null or b.born_on is null then 0
            when a.born_on = b.born_on then 7
            when a.born_day_first = b.born_text then 6
            when levenshtein(a.born_text, b.born_text) = 1 then 5
            when levenshtein(a.born_text, b.born_text) = 2 then 3
            when abs(a.born_in_month - b.born_in_month) <= 12 then 0
            when abs(a.born_in_month - b.born_in_month) <= 12 * 12 then -3
            else -5
        end as birth_points,
        abs(a.born_in_month - b.born_in_month) between 12 * 16 and 12 * 45 as is_a_generation_apart,
        case
            when a.street is null or b.street is null then 0
            when a.street = b.street then 8
            when {{ is_mistyped("a.street", "b.street", is_long=true) }} then 7
            else -1
        end as street_points,
        case
            when a.postcode = b.postcode then 4
            when levenshtein(a.postcode, b.postcode) = 1 then 3
            when {{ is_mistyped("a.city", "b.city", is_long=true) }} then 1
            when a.postcode <> b.postcode and a.city <> b.city then -2
            else 0
        end as place_points,
        case
            when a.mailbox is null or b.mailbox is null then 0
            when a.mailbox = b.mailbox then 9
            when a.is_mailbox_named or b.is_mailbox_named then 0
            when {{ is_mistyped("a.mailbox_name", "b.mailbox_name", is_long=true) }} then 7
            else 0
        end as mailbox_points
    from candidates as c
    inner join records as a on c.fuzzy_key = a.fuzzy_key
    inner join records as b on c.other_key = b.fuzzy_key
),

-- Every town has a High Street.
named as (
    select
        *,
        case
            when place_points < 0 and birth_points < 5 then least(street_points, 0)
            else street_points
        end as home_points,
        greatest(first_points + last_points, swapped_points) as name_points,
        swapped_points > first_points + last_points as is_swapped
    from compared
),

final as (
    select
        fuzzy_key,
        other_key,
        node_id,
        other_id,
        rule,
        known_at,
        name_points,
        name_points + birth_points + home_points + place_points + mailbox_points as score,
        mailbox_points > 0 as is_one_mailbox,
        {{ first_name_verdict() }} as verdict
    from named
)

select * from final
