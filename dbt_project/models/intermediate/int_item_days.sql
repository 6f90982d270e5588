with

lines as (
    select * from {{ ref("int_order_lines") }}
    where
        is_bought and node_id is not null
        and ordered_on >= {{ day_of(ago(380, "day")) }} and ordered_at <= {{ as_of() }}
),

returned as (
    select * from {{ ref("int_returned_lines") }}
    where ordered_at >= {{ ago(381, "day") }}
),

nodes as (
    select * from {{ ref("people_nodes") }}
),

-- Days, not lines: two of a thing in a basket are one wish for it. What came back was none.
final as (
    select distinct
        n.person_id,
        l.source_id,
        l.product_key,
        l.ordered_on as bought_on
    from lines as l
    inner join nodes as n on l.node_id = n.node_id
    left join returned as r on l.order_line_key = r.order_line_key
    where r.order_line_key is null
)

select * from final
