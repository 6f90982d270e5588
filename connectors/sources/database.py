"""Source `database`: a shop's own tables or views, over any SQLAlchemy URL.

Each stream is a table or view of the stream's name with the columns of `TABLES`; other columns
are left where they are. Rows are read in the order of (`updated_at`, key), up to
`ReadContext.settled`. Times may be timestamps or, on SQLite, ISO text; one without a zone is UTC.

Rows without a usable `updated_at` are not lost: see `connectors.core.keyset`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.types import TypeEngine

from connectors.core.errors import FixConfig, ParleyError
from connectors.core.keyset import KeysetTable, ordered_pages, unordered_pages
from connectors.core.settings import SourceSettings
from connectors.core.spec import Finding, Page, ReadContext, SourceSpec, Stream
from connectors.core.sql import reading

VENDOR = "database"
CHANGED = "updated_at"

Found = dict[str, tuple[str, TypeEngine[Any]]]


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The columns that a stream's table has to have, and those it may have.

    `happened` is the column that dates a row without `updated_at`. `needed`: the shop can't be
    used without the table. Money is in minor units; `country` is ISO-2, `currency` ISO-3.
    """

    key: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    happened: str | None = None
    booleans: tuple[str, ...] = ()
    needed: bool = False


TABLES = {
    "customers": TableColumns(
        key="customer_id",
        required=("customer_id", "updated_at"),
        optional=(
            *("email", "phone", "first_name", "last_name", "country", "language", "time_zone"),
            *("loyalty_card", "is_staff", "is_test", "created_at"),
        ),
        happened="created_at",
        booleans=("is_staff", "is_test"),
        needed=True,
    ),
    "products": TableColumns(
        key="product_id",
        required=("product_id", "updated_at"),
        optional=("name", "category", "price_minor", "currency", "in_stock", "created_at"),
        happened="created_at",
        booleans=("in_stock",),
    ),
    "orders": TableColumns(
        key="order_id",
        required=("order_id", "ordered_at", "status", "currency", "amount_minor", "updated_at"),
        optional=(
            *("customer_id", "email", "loyalty_card", "channel", "store", "discount_minor"),
            *("refund_minor", "cart_id", "country"),
        ),
        happened="ordered_at",
        needed=True,
    ),
    "order_lines": TableColumns(
        key="line_id",
        required=("line_id", "order_id", "product_id", "quantity", "updated_at"),
        optional=("price_minor", "amount_minor", "currency"),
    ),
    "consents": TableColumns(
        key="consent_id",
        required=("consent_id", "channel", "purpose", "state", "given_at", "updated_at"),
        optional=("customer_id", "email", "phone", "legal_basis", "proof"),
        happened="given_at",
    ),
}

_IDENTIFIERS = {
    "customers": {"email": ("email",), "phone": ("phone",)},
    "orders": {"email": ("email",)},
    "consents": {"email": ("email",), "phone": ("phone",)},
}


_STREAMS = tuple(
    Stream(name, columns.key, CHANGED, _IDENTIFIERS.get(name, {}))
    for name, columns in TABLES.items()
)


def read(context: ReadContext) -> Iterator[Page]:
    """Read what changed in a stream's table since the cursor, up to what has settled.

    Raises:
        FixConfig: the database or a needed table can't be read as documented.
        RetryLater: the server can't be reached.
    """
    name = context.stream.name
    where = f"source {context.source_id}, stream {name}"
    with reading(context.settings.url, where) as engine:
        found = _columns(engine, name)
        if found is None and not TABLES[name].needed:
            return
        problem = _problem(name, found)
        if problem:
            raise FixConfig(problem, where, _remedy(name))
        table = _table(engine, name, found or {})
        if not table.is_orderable:
            raise FixConfig(_not_orderable(name), where, _remedy(name))
        yield from ordered_pages(engine, table, context)
        yield from unordered_pages(engine, table, context)


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say of each stream's table whether it can be read, and if not, which view would help."""
    try:
        with reading(settings.url, f"source {source_id}") as engine:
            return [_check_table(engine, name) for name in TABLES]
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]


def _check_table(engine: Engine, name: str) -> Finding:
    found = _columns(engine, name)
    problem = _problem(name, found)
    if found is None and not TABLES[name].needed:
        return Finding("warning", f"{problem}: the stream is empty", _remedy(name))
    if problem:
        return Finding("error", problem, _remedy(name))
    table = _table(engine, name, found or {})
    if not table.is_orderable:
        return Finding("error", _not_orderable(name), _remedy(name))
    absent = [column for column in TABLES[name].optional if column not in table.found]
    without = f", without {', '.join(absent)}" if absent else ""
    return Finding("ok", f"table '{name}' can be read{without}")


def _columns(engine: Engine, name: str) -> Found | None:
    """The columns of a table or view by lower-case name; None if there is no such table."""
    try:
        reflected = inspect(engine).get_columns(name)
    except NoSuchTableError:
        return None
    # Some dialects answer an empty list for a table that isn't there.
    return {c["name"].lower(): (c["name"], c["type"]) for c in reflected} or None


def _table(engine: Engine, name: str, found: Found) -> KeysetTable:
    columns = TABLES[name]
    return KeysetTable(
        name=name,
        key=columns.key,
        changed=CHANGED,
        found={c: found[c] for c in (*columns.required, *columns.optional) if c in found},
        is_sqlite=engine.dialect.name == "sqlite",
        happened=columns.happened,
        booleans=columns.booleans,
    )


def _problem(name: str, found: Found | None) -> str | None:
    if found is None:
        return f"there is no table or view '{name}'"
    missing = [column for column in TABLES[name].required if column not in found]
    return f"table '{name}' has no column {', '.join(missing)}" if missing else None


def _not_orderable(name: str) -> str:
    return f"column {CHANGED} of table '{name}' is not a timestamp"


def _remedy(name: str) -> str:
    columns = TABLES[name]
    return (
        f"Create a view named {name} with the columns {', '.join(columns.required)}"
        f" and, where the shop has them, {', '.join(columns.optional)}."
    )


SPEC = SourceSpec(VENDOR, _STREAMS, read, check)
