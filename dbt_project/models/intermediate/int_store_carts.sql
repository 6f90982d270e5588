with

identifiers as (
    select * from {{ ref("int_identifiers") }}
    where identifier_type = 'email'
),

blocked as (
    select * from {{ ref("int_blocked_identifiers") }}
    where identifier_type = 'user_id'
),

versions as (
    select
        *,
        {{ version_rank() }} as version_rank,
        {{ version_rank("source_id, record_key, op") }} as rank_of_op,
        min(landed_at) over (partition by source_id, record_key) as first_known_at
    from {{ ref("int_cart_versions") }}
),

-- A deletion tells that the cart is gone, the version before it what it was.
carts as (
    select
        *,
        version_rank > 1 as is_deleted
    from versions
    where op = 'upsert' and rank_of_op = 1
    qualify
        row_number() over (partition by id_space, cart_id order by landed_at desc, source_id asc, record_key asc) = 1
),

line_versions as (
    select
        *,
        {{ version_rank() }} as version_rank
    from {{ ref("int_cart_line_versions") }}
),

-- A line that came inside its cart counts in that version of the cart which counts.
products as (
    select
        c.source_id,
        c.cart_id,
        l.product_id,
        cast(sum(l.quantity * coalesce(l.price_minor, 0)) as {{ dbt.type_bigint() }}) as value_minor,
        max(l.changed_at) as changed_at
    from line_versions as l
    inner join carts as c on l.source_id = c.source_id and l.cart_id = c.cart_id
    where
        l.version_rank = 1 and l.op = 'upsert' and l.quantity > 0
        and (not l.is_nested or (l.batch_id = c.batch_id and l.seq = c.seq))
    group by c.source_id, c.cart_id, l.product_id
),

contents as (
    select
        source_id,
        cart_id,
        count(*) as lines,
        cast(sum(value_minor) as {{ dbt.type_bigint() }}) as value_minor,
        {{ ordered_list("product_id", "value_minor desc, product_id", most=3) }} as top_product_ids,
        max(changed_at) as changed_at
    from products
    group by source_id, cart_id
),

final as (
    select
        c.source_id,
        c.id_space,
        c.cart_id,
        {{ node("user_id", "case when b.value is null then c.customer_id end", "c.id_space") }} as user_node,
        e.node_id as email_node,
        c.started_at,
        coalesce(greatest(c.changed_at, coalesce(n.changed_at, c.changed_at)), n.changed_at, c.landed_at) as changed_at,
        coalesce(c.status, '') = 'ordered' as is_ordered,
        coalesce(c.status, '') = 'closed' or c.is_deleted as is_closed,
        coalesce(n.lines, 0) as lines,
        coalesce(n.value_minor, 0) as value_minor,
        n.top_product_ids,
        c.currency,
        c.first_known_at as known_at
    from carts as c
    left join contents as n on c.source_id = n.source_id and c.cart_id = n.cart_id
    left join identifiers as e on c.email_raw = e.raw_value
    left join blocked as b on lower(c.customer_id) = b.value
)

select * from final
