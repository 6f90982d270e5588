with

candidates as (
    select * from {{ ref("int_fuzzy_candidates") }}
),

records as (
    select * from {{ ref("int_fuzzy_records") }}
),

rarity as (
    select * from {{ ref("int_fuzzy_rarity") }}
),

compared as (
    select
        c.*,
        a.node_id,
        b.node_id as other_id,
        greatest(a.known_at, b.known_at) as known_at,
        {{ name_bits("first_name", "first_name") }} as first_bits,
        {{ name_bits("last_name", "last_name") }} as last_bits,
        {{ name_bits("first_name", "last_name") }} as first_as_last_bits,
        {{ name_bits("last_name", "first_name") }} as last_as_first_bits,
        abs(a.born_in_month - b.born_in_month) as months_apart,
        case
            when a.born_on = b.born_on then ra.born_on_bits
            when a.born_day_first = b.born_text or levenshtein(a.born_text, b.born_text) = 1
                then {{ near_bits("born_on", "born_on") }}
            when levenshtein(a.born_text, b.born_text) = 2 or abs(a.born_in_month - b.born_in_month) <= 12 then 0
            when a.born_on <> b.born_on then -{{ fuzzy("against") }}
            else 0
        end as birth_bits,
        case
            when a.street = b.street then ra.street_bits
            when {{ is_mistyped("a.street", "b.street", is_long=true) }} then {{ near_bits("street", "street") }}
            when a.street <> b.street then -{{ fuzzy("against") }}
            else 0
        end as street_bits,
        case
            when a.postcode = b.postcode then ra.postcode_bits
            when a.city = b.city then ra.city_bits
            when levenshtein(a.postcode, b.postcode) = 1 then {{ near_bits("postcode", "postcode") }}
            when {{ is_mistyped("a.city", "b.city", is_long=true) }} then {{ near_bits("city", "city") }}
            when a.postcode <> b.postcode or a.city <> b.city then -{{ fuzzy("moved") }}
            else 0
        end as place_bits,
        case
            when a.mailbox = b.mailbox then ra.mailbox_bits
            when a.is_mailbox_named or b.is_mailbox_named then 0
            when a.mailbox_name = b.mailbox_name then ra.mailbox_name_bits
            when {{ is_mistyped("a.mailbox_name", "b.mailbox_name", is_long=true) }}
                then {{ near_bits("mailbox_name", "mailbox_name") }}
            else 0
        end as mailbox_bits,
        a.last_name = b.last_name and a.born_on = b.born_on and a.street = b.street as is_all_but_first_name,
        a.first_name = b.first_name and a.last_name = b.last_name as is_one_name
    from candidates as c
    inner join records as a on c.fuzzy_key = a.fuzzy_key
    inner join records as b on c.other_key = b.fuzzy_key
    inner join rarity as ra on c.fuzzy_key = ra.fuzzy_key
    inner join rarity as rb on c.other_key = rb.fuzzy_key
),

-- Every town has a High Street.
placed as (
    select
        *,
        case when place_bits < 0 then least(street_bits, 0) else street_bits end as home_bits,
        first_as_last_bits > 0 and last_as_first_bits > 0
        and first_as_last_bits + last_as_first_bits - {{ fuzzy("against") }} > first_bits + last_bits as is_swapped
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
        cast(
            case
                when is_swapped then first_as_last_bits - {{ fuzzy("against") }}
                else first_bits + least(last_bits, 0)
            end + birth_bits + least(home_bits, 0) + least(place_bits, 0) as numeric(9, 2)
        ) as own_bits,
        cast(
            case when is_swapped then last_as_first_bits else greatest(last_bits, 0) end
            + greatest(home_bits, 0) + greatest(place_bits, 0) + mailbox_bits as numeric(9, 2)
        ) as shared_bits,
        {{ family_verdict() }} as verdict
    from placed
)

select * from final
