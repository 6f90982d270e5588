"""A shop's lines as the database that a shop has: orders, their lines, products, customers."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tests.quality import duck

if TYPE_CHECKING:
    from pathlib import Path

    from tests.quality.lines import Lines

# The one currency that the shipped seeds know a rate of: what it is called changes no figure.
CURRENCY = "GBP"
AT_ONCE = 50_000
# A row is seen a millisecond after it happened: what happens at 00:00 of a date is not in time.
SEEN = "strftime({} + interval 1 millisecond, '%Y-%m-%d %H:%M:%S.%g')"
TOLD = "strftime({}, '%Y-%m-%d %H:%M:%S.%g')"
TABLES = {
    "customers": f"""
        select customer_id, 'c' || md5(customer_id) || '@shop.example' as email,
            {TOLD.format("min(ordered_at)")} as created_at,
            {SEEN.format("min(ordered_at)")} as updated_at
        from lines where customer_id is not null group by customer_id
    """,
    "products": f"""
        select product_id, coalesce(arg_min(name, ordered_at), product_id) as name,
            arg_min(category, ordered_at) as category,
            arg_min(amount_minor // greatest(quantity, 1), ordered_at) as price_minor,
            '{CURRENCY}' as currency, {SEEN.format("min(ordered_at)")} as updated_at
        from lines group by product_id
    """,
    "orders": f"""
        select order_id, any_value(customer_id) as customer_id, 'paid' as status,
            '{CURRENCY}' as currency, cast(sum(amount_minor) as bigint) as amount_minor,
            cast(sum(discount_minor) as bigint) as discount_minor,
            {TOLD.format("min(ordered_at)")} as ordered_at,
            {SEEN.format("min(ordered_at)")} as updated_at
        from lines group by order_id
    """,
    # Of an order that is written at once, what it holds is seen with it.
    "order_lines": f"""
        select cast(row_number() over (order by ordered_at, order_id, product_id) as varchar)
                as line_id,
            order_id, product_id, quantity, amount_minor, '{CURRENCY}' as currency,
            {SEEN.format("min(ordered_at) over (partition by order_id)")} as updated_at
        from lines
    """,
}


def write(lines: Lines, path: Path) -> None:
    """Write the tables of source `database` to a SQLite file, in the order of their changes."""
    with duck.connect() as found, sqlite3.connect(path) as store:
        found.execute(f"create view lines as from '{lines.path}'")
        store.execute("pragma synchronous = off")
        for table, query in TABLES.items():
            rows = found.execute(f"from ({query}) order by updated_at, 1")
            names = [column[0] for column in rows.description or []]
            store.execute(f"create table {table} ({', '.join(names)})")
            marks = ", ".join("?" * len(names))
            while some := rows.fetchmany(AT_ONCE):
                store.executemany(f"insert into {table} values ({marks})", some)
            store.execute(f"create index {table}_changed on {table} (updated_at)")
    store.close()
