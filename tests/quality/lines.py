"""Order lines of any shop, brought to one form: who bought what when, and for how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from tests.quality import duck
from tests.quality.report import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = ("customer_id", "order_id", "product_id", "quantity", "amount", "ordered_at")
OPTIONAL = ("category", "name", "discount")
BLOCKED = ROOT / "dbt_project" / "seeds" / "blocked_identifiers.csv"
# Forms of a time that DuckDB does not read by itself.
FORMS = ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y")


class LinesError(Exception):
    """The file can't be used; says what is wrong and what is expected."""


@dataclass(frozen=True)
class Lines:
    """A shop's order lines as Parquet, in the order of time.

    Columns: customer_id (null where nobody knows), order_id (one customer's, of one day),
    product_id, quantity, amount_minor, discount_minor, ordered_at (UTC), day, category, name.
    `notes` say what was left out.
    """

    path: Path
    notes: tuple[str, ...] = ()

    def rows(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """A query over `lines`."""
        with duck.connect() as connection:
            connection.execute(f"create view lines as from '{self.path}'")
            return connection.execute(query, list(parameters)).fetchall()


def from_file(source: Path, target: Path) -> Lines:
    """Read a Parquet or CSV file of order lines.

    Raises:
        LinesError: columns are missing, or nothing in it is usable.
    """
    if not source.is_file():
        what = f"{source}: there is no such file"
        raise LinesError(what)
    reader = "read_parquet" if source.suffix == ".parquet" else "read_csv"
    path = str(source).replace("'", "''")
    try:
        return from_query(f"select * from {reader}('{path}')", target)
    except duckdb.Error as error:
        what = f"{source} can't be read: {str(error).splitlines()[0]}"
        raise LinesError(what) from None


def from_query(query: str, target: Path) -> Lines:
    """Clean what a query gives and write it as Parquet; raises `LinesError` as `from_file`."""
    with duck.connect() as connection:
        connection.execute(f"create view raw as {query}")
        described = connection.execute("describe raw").fetchall()
        names = {str(name).strip().lower(): str(name) for name, *_ in described}
        missing = [name for name in NEEDED if name not in names]
        if missing:
            what = f"no column {', '.join(missing)}; needed are {', '.join(NEEDED)}"
            raise LinesError(what)
        connection.execute(f"create table typed as {_typed(names)}")
        notes = _left_out(connection)
        connection.execute(f"copy ({_FINAL}) to '{target}' (format parquet)")
        (usable,) = connection.execute(f"select count(*) from '{target}'").fetchone() or (0,)
    if not usable:
        what = f"it has no usable line: {'; '.join(notes) or 'it is empty'}"
        raise LinesError(what)
    return Lines(target, notes)


def _typed(names: dict[str, str]) -> str:
    column = {key: f'"{name}"' for key, name in names.items() if key in (*NEEDED, *OPTIONAL)}
    told = {name: column.get(name, "null") for name in (*NEEDED, *OPTIONAL)}
    at = told["ordered_at"]
    forms = ", ".join(f"'{form}'" for form in FORMS)
    money = "cast(round(try_cast({} as double) * 100) as bigint)"
    return f"""
        select
            -- An id that was read as a number with a fraction is that of the whole number.
            nullif(regexp_replace(trim(cast({told["customer_id"]} as varchar)), '[.]0$', ''), '')
                as customer_id,
            nullif(regexp_replace(trim(cast({told["order_id"]} as varchar)), '[.]0$', ''), '')
                as order_id,
            nullif(trim(cast({told["product_id"]} as varchar)), '') as product_id,
            cast(round(try_cast({told["quantity"]} as double)) as bigint) as quantity,
            {money.format(told["amount"])} as amount_minor,
            coalesce({money.format(told["discount"])}, 0) as discount_minor,
            coalesce(
                try_cast({at} as timestamp), try_strptime(trim(cast({at} as varchar)), [{forms}])
            ) as ordered_at,
            nullif(trim(cast({told["category"]} as varchar)), '') as category,
            nullif(trim(cast({told["name"]} as varchar)), '') as name
        from raw"""


USABLE = {
    "ordered_at is no time": "ordered_at is null",
    "there is no order_id": "order_id is null",
    "there is no product_id": "product_id is null",
    "quantity or amount is no number": "quantity is null or amount_minor is null",
    "a return or correction (below zero)": "quantity < 0 or amount_minor < 0",
}


def _left_out(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Why lines are left out, and how many; each counts by its first reason."""
    connection.execute("alter table typed add column problem varchar")
    for words, condition in USABLE.items():
        connection.execute(
            f"update typed set problem = ? where problem is null and ({condition})", [words]
        )
    found = connection.execute(
        "select problem, count(*) from typed where problem is not null group by all order by all"
    ).fetchall()
    return tuple(f"{count:,} lines left out: {problem}" for problem, count in found)


# An order id that several customers or days share is told apart: an order happened once.
_FINAL = f"""
    with good as (
        select
            t.* exclude (customer_id, problem),
            case when b.value is null then t.customer_id end as customer_id,
            cast(t.ordered_at as date) as day
        from typed as t
        left join (
            select value from read_csv('{BLOCKED}', all_varchar = true)
            where identifier_type = 'user_id'
        ) as b on lower(t.customer_id) = b.value
        where t.problem is null
    ),
    told as (
        select order_id, count(distinct (coalesce(customer_id, ''), day)) > 1 as is_shared
        from good group by order_id
    )
    select
        g.customer_id,
        case when t.is_shared
            then concat_ws('/', g.order_id, g.customer_id, strftime(g.day, '%Y-%m-%d'))
            else g.order_id
        end as order_id,
        g.product_id, g.quantity, g.amount_minor, g.discount_minor, g.ordered_at, g.day,
        g.category, g.name
    from good as g inner join told as t on g.order_id = t.order_id
    order by ordered_at, order_id, product_id
"""
