with

customers as (
    select * from {{ ref("int_customers") }}
    where {{ fuzzy_identity() }}
),

-- The days that forms and imports put where nobody knows better say nothing.
compared as (
    select
        user_node as node_id,
        {{ comparable("first_name") }} as first_name,
        {{ comparable("last_name") }} as last_name,
        case when born_on not in (date '1900-01-01', date '1970-01-01') then born_on end as born_on,
        {{ comparable("street") }} as street,
        {{ comparable("postcode") }} as postcode,
        {{ comparable("city") }} as city,
        mailbox,
        {{ comparable("split_part(mailbox, '@', 1)") }} as mailbox_name,
        landed_at
    from customers
    where user_node is not null
),

final as (
    select
        {{ key([
            "node_id", "first_name", "last_name", "born_on", "street", "postcode", "city", "mailbox",
        ]) }} as fuzzy_key,
        node_id,
        first_name,
        last_name,
        born_on,
        cast(born_on as {{ dbt.type_string() }}) as born_text,
        concat(
            substr(cast(born_on as {{ dbt.type_string() }}), 1, 5),
            substr(cast(born_on as {{ dbt.type_string() }}), 9, 2), '-',
            substr(cast(born_on as {{ dbt.type_string() }}), 6, 2)
        ) as born_day_first,
        12 * extract(year from born_on) + extract(month from born_on) as born_in_month,
        street,
        postcode,
        city,
        mailbox,
        mailbox_name,
        -- ada.archer@ and ada.archer7@ are two people: of a mailbox that is called like its owner
        -- another one of almost the same name says nothing new.
        coalesce(
            mailbox_name like concat('%', first_name, '%') or mailbox_name like concat('%', last_name, '%'),
            false
        ) as is_mailbox_named,
        min(landed_at) as known_at
    from compared
    where coalesce(first_name, last_name, mailbox) is not null
    group by node_id, first_name, last_name, born_on, street, postcode, city, mailbox, mailbox_name
)

select * from final
