"""The shop database: the marked orders and the people as SQLite tables, as a shop would keep them.

Every row carries ``updated_at``, its last change, so that a reader who stops at a moment sees the
shop as it was then; a product has a row for each version, since prices and stock change. Times are
UTC; each table is indexed on (``updated_at``, key).
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from connectors.demo.catalogue import Catalogue, text_of
from connectors.demo.categories import SERVICES
from connectors.demo.changes import Changes
from connectors.demo.orders import Order
from connectors.demo.people import Person, digest
from connectors.demo.permissions import Consent

Row = tuple[object, ...]

_TABLES = {
    "customers": """customer_id text primary key, email text not null, phone text,
        first_name text not null, last_name text not null, country text not null,
        language text not null, time_zone text not null, loyalty_card text,
        is_staff boolean not null, is_test boolean not null,
        created_at datetime not null, updated_at datetime not null""",
    "products": """product_id text not null, name text not null, category text,
        price_minor integer not null, currency text not null, in_stock boolean not null,
        created_at datetime not null, updated_at datetime not null,
        primary key (product_id, updated_at)""",
    "orders": """order_id text primary key, customer_id text references customers, email text,
        loyalty_card text, channel text not null, store text, status text not null,
        currency text not null, amount_minor bigint not null, discount_minor bigint not null,
        refund_minor bigint not null, cart_id text, country text not null,
        ordered_at datetime not null, updated_at datetime not null""",
    "order_lines": """line_id text primary key, order_id text not null references orders,
        product_id text not null, quantity integer not null,
        price_minor bigint not null, amount_minor bigint not null, currency text not null,
        updated_at datetime not null""",
    "consents": """consent_id text primary key, customer_id text references customers, email text,
        phone text, channel text not null, purpose text not null, state text not null,
        legal_basis text not null, proof text not null, given_at datetime not null,
        confirmed_at datetime, updated_at datetime not null""",
}
_KEYS = {
    "customers": "customer_id",
    "products": "product_id",
    "orders": "order_id",
    "order_lines": "line_id",
    "consents": "consent_id",
}


def write_shop(
    path: Path,
    catalogue: Catalogue,
    changes: Changes,
    people: list[Person],
    orders: list[Order],
    consents: list[Consent],
) -> None:
    """Write the database to ``path``, which must not exist."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("pragma journal_mode = off")
        connection.execute("pragma synchronous = off")
        connection.execute("pragma cache_size = -65536")
        for table, columns in _TABLES.items():
            connection.execute(f"create table {table} ({columns}) without rowid")
        _insert(connection, "customers", (_customer(p) for p in people))
        _insert(connection, "products", _products(catalogue, changes))
        _insert(connection, "orders", (_order(order) for order in orders))
        _insert(connection, "consents", (_consent(c, n) for n, c in enumerate(consents, 1)))
        for rows in catalogue.line_rows():
            _insert(connection, "order_lines", rows)
        for table, key in _KEYS.items():
            connection.execute(f"create index {table}_changes on {table} (updated_at, {key})")
        connection.commit()
    finally:
        connection.close()


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    """Insert rows that have a value for every column, in the table's order of columns."""
    width = len(connection.execute(f"pragma table_info({table})").fetchall())
    marks = ", ".join("?" * width)
    connection.executemany(" ".join(("insert into", table, f"values ({marks})")), rows)


def _customer(person: Person) -> Row:
    place = person.place
    return (
        person.customer_id, person.email, person.phone, person.first_name, person.last_name,
        place.iso, place.language, place.time_zone, person.loyalty_card,
        int(person.is_staff), int(person.is_test),
        text_of(person.created_at), text_of(person.updated_at),
    )  # fmt: skip


def _products(catalogue: Catalogue, changes: Changes) -> Iterable[Row]:
    for p in catalogue.products.values():
        # Postage and manual entries are no category that anybody could like.
        category = None if p.category == SERVICES else p.category
        for v in changes.of(p):
            yield (
                p.product_id, p.name, category, v.price_minor, "GBP", int(v.in_stock),
                text_of(p.since), text_of(v.at),
            )  # fmt: skip


def _order(order: Order) -> Row:
    invoice = order.invoice
    return (
        invoice.order_id, order.customer_id, order.email, order.loyalty_card, order.channel,
        order.store, order.status, "GBP", invoice.amount_minor, order.discount_minor,
        order.refund_minor, order.cart_id, invoice.country, text_of(invoice.at),
        text_of(order.updated_at),
    )  # fmt: skip


def _consent(consent: Consent, number: int) -> Row:
    person, at = consent.person, text_of(consent.given_at)
    confirmed = text_of(consent.confirmed_at) if consent.confirmed_at else None
    email = person.email if consent.channel == "email" else None
    phone = person.phone if consent.channel == "call" else None
    key = f"p{digest('consent', number, person.key)}"
    return (
        key, person.customer_id, email, phone, consent.channel, "marketing", consent.state,
        consent.legal_basis, consent.proof, at, confirmed, confirmed or at,
    )  # fmt: skip
