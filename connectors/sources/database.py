"""Source `database`: a shop's own tables or views, over any SQLAlchemy URL.

Each stream is a table or view of the stream's name with the columns of `TABLES`; other columns
are left where they are. Rows are read in the order of (`updated_at`, key), up to
`ReadContext.settled`. Times may be timestamps or, on SQLite, ISO text; one without a zone is UTC.

A table without `updated_at`, and what is in carts, is read as a whole each time and compared; what
is gone then becomes a deletion. The option `preset` reads the tables of a shop's software instead:
see `connectors.core.database.presets`.

Rows without a usable `updated_at` are not lost: see `connectors.core.database.leftover`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from sqlalchemy import Engine

from connectors.core.accounts import SourceSettings
from connectors.core.database.keyset import ordered_pages
from connectors.core.database.leftover import unordered_pages
from connectors.core.database.presets import PRESETS
from connectors.core.database.reading import reading
from connectors.core.database.tables import CHANGED, Place, TableColumns, own_table, preset_view
from connectors.core.database.whole import whole_pages
from connectors.core.errors import FixConfig, ParleyError
from connectors.core.spec import Finding, Page, ReadContext, SourceSpec, Stream

VENDOR = "database"

TABLES = {
    "customers": TableColumns(
        key="customer_id",
        required=("customer_id", "updated_at"),
        optional=(
            *("email", "phone", "first_name", "last_name", "country", "language", "time_zone"),
            *("loyalty_card", "is_staff", "is_test", "created_at"),
            *("born_on", "street", "postcode", "city", "company"),
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
            *("customer_id", "email", "phone", "loyalty_card", "channel", "store"),
            *("discount_minor", "refund_minor", "cart_id", "country"),
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
        optional=("customer_id", "email", "phone", "legal_basis", "proof", "confirmed_at"),
        happened="given_at",
    ),
    "carts": TableColumns(
        key="cart_id",
        required=("cart_id", "status", "updated_at"),
        optional=("customer_id", "email", "currency", "started_at"),
        happened="started_at",
    ),
    "cart_lines": TableColumns(
        key="line_id",
        required=("line_id", "cart_id", "product_id", "quantity"),
        optional=("price_minor", "currency", "updated_at"),
        is_whole=True,
    ),
}

_IDENTIFIERS = {
    "customers": {"email": ("email",), "phone": ("phone",)},
    "orders": {"email": ("email",), "phone": ("phone",)},
    "consents": {"email": ("email",), "phone": ("phone",)},
    "carts": {"email": ("email",)},
}


# Parts of a record of another stream, by the column with its key.
_PARTS = {"order_lines": ("orders", "order_id"), "cart_lines": ("carts", "cart_id")}


def _stream(name: str, columns: TableColumns) -> Stream:
    ids = {"user_id": "customer_id", "loyalty_card": "loyalty_card"}
    held = {*columns.required, *columns.optional}
    people = {type_: (column,) for type_, column in ids.items() if column in held}
    identifiers = _IDENTIFIERS.get(name, {})
    return Stream(name, columns.key, CHANGED, identifiers, people, _PARTS.get(name))


_STREAMS = tuple(_stream(name, columns) for name, columns in TABLES.items())


def read(context: ReadContext) -> Iterator[Page]:
    """Read what changed in a stream's table since the cursor, up to what has settled.

    Raises:
        FixConfig: the database or a needed table can't be read as documented.
        RetryLater: the server can't be reached.
    """
    where = f"source {context.source_id}, stream {context.stream.name}"
    with reading(context.settings.url, where) as engine:
        place = _place(engine, context.stream.name, context.settings, where)
        if place.problem:
            raise FixConfig(place.problem, where, place.remedy)
        if place.table is None:
            return
        if place.is_whole:
            yield from whole_pages(engine, place.table, context)
        else:
            yield from ordered_pages(engine, place.table, context)
            yield from unordered_pages(engine, place.table, context)


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say of each stream whether and how it can be read, and if not, which view would help."""
    where = f"source {source_id}"
    try:
        with reading(settings.url, where) as engine:
            return [_finding(_place(engine, name, settings, where)) for name in TABLES]
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]


def _place(engine: Engine, name: str, settings: SourceSettings, where: str) -> Place:
    chosen = settings.options.get("preset")
    if chosen is None:
        return own_table(engine, name, TABLES[name])
    if chosen not in PRESETS:
        what, remedy = "option preset names none", f"Presets: {', '.join(PRESETS)}."
        raise FixConfig(what, where, remedy)
    view = PRESETS[chosen].views(settings.options).get(name)
    return preset_view(engine, name, TABLES[name], chosen, view)


def _finding(place: Place) -> Finding:
    if place.problem:
        return Finding("error", place.problem, place.remedy)
    if place.table is None:
        level: Literal["ok", "warning"] = "warning" if place.remedy else "ok"
        return Finding(level, f"{place.told}: the stream is empty", place.remedy)
    return Finding("ok", place.told)


SPEC = SourceSpec(
    VENDOR,
    _STREAMS,
    read,
    check,
    about="A shop's own database: documented tables or views, or a preset. url: SQLAlchemy's.",
    options={
        "preset": f"the shop's software, read from its own tables: {', '.join(PRESETS)}",
        **{name: told for preset in PRESETS.values() for name, told in preset.options.items()},
    },
)
