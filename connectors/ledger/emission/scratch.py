"""Temporary tables that a connection works on, so that the ledger thinks in sets."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    false,
    insert,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import DropTable

from connectors.ledger.columns import UtcDateTime

METADATA = MetaData()
CHUNK_ROWS = 20_000

# The audience being reserved, without address and content. `goal` to `occurred_at` are compared
# with what became known since. `ruling` is null while undecided, then absorbed, refused (with
# `refusal`), admit (this round) or admitted. `has_rival`: another candidate has the same person or
# address.
CANDIDATES = Table(
    "emit_candidates",
    METADATA,
    Column("message_key", String, primary_key=True),
    *(Column(name, String) for name in ("programme", "campaign_id", "occasion")),
    Column("step", Integer),
    *(Column(name, String) for name in ("variant", "channel", "purpose", "kind")),
    *(Column(name, String) for name in ("person_id", "address_hash", "destination", "verdict")),
    *(Column(name, String) for name in ("goal", "account_id", "product_key")),
    Column("occurred_at", UtcDateTime),
    Column("ruling", String),
    Column("refusal", String),
    Column("is_known", Boolean, server_default=false()),
    Column("has_rival", Boolean, server_default=false()),
    prefixes=["temporary"],
    sqlite_with_rowid=False,  # one tree, not two; the plan comes in the order of its keys
)
INDEXES = (("emit_by_person", "person_id"), ("emit_by_address", "address_hash"))

# Messages picked by their keys, for a transition that differs from its batch.
CLAIMS = Table(
    "emit_claims", METADATA, Column("message_key", String, primary_key=True), prefixes=["temporary"]
)
_CLAIM_ALL = text("insert into emit_claims select value from json_each(:keys)")


def fresh(connection: Connection, table: Table) -> None:
    """Create an empty temporary table; a pooled connection may still hold an older one."""
    drop(connection, table)
    table.create(connection, checkfirst=False)


def drop(connection: Connection, table: Table) -> None:
    """Drop a temporary table if the connection holds it."""
    connection.execute(DropTable(table, if_exists=True))


def load(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert plain values (text and integers) as they are, in the order of `names`.

    A moment is the text that SQLite keeps of it.

    It goes to the driver directly: SQLAlchemy's work per row would double the time of a load.
    """
    if connection.dialect.driver == "psycopg":
        _copy(connection, table, names, rows)
        return
    compiled = insert(table).compile(dialect=connection.dialect, column_keys=list(names))
    if compiled.positional:
        connection.exec_driver_sql(str(compiled), list(rows))
    else:
        named = [dict(zip(names, row, strict=True)) for row in rows]
        connection.exec_driver_sql(str(compiled), named)


def _copy(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Load by PostgreSQL's COPY, which takes a tenth of the time that inserting takes."""
    statement = f"copy {table.name} ({', '.join(names)}) from stdin"
    dbapi: Any = connection.dialect.loaded_dbapi
    try:
        with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
            for row in rows:
                copy.write_row(row)
    except dbapi.IntegrityError as error:
        raise IntegrityError(statement, None, error) from error


def index_candidates(connection: Connection) -> None:
    """Index the candidates once they are loaded, which is faster than while loading."""
    for name, column in INDEXES:
        index = Index(name, CANDIDATES.c[column], CANDIDATES.c.message_key)
        index.create(connection)
        CANDIDATES.indexes.discard(index)
    look_at(connection, CANDIDATES)


def look_at(connection: Connection, table: Table) -> None:
    """Let PostgreSQL see what a table holds by now: it plans by what it saw last.

    Temporary tables it never looks at by itself, others a minute later. SQLite needs no such help.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"analyze {table.name}"))


def claim(connection: Connection, message_keys: Iterable[str]) -> None:
    """Fill the table of claims with these keys."""
    fresh(connection, CLAIMS)
    keys = list(message_keys)
    if connection.dialect.name == "sqlite":  # one text, not one call a key
        connection.execute(_CLAIM_ALL, {"keys": orjson.dumps(keys).decode()})
    elif keys:
        load(connection, CLAIMS, ["message_key"], ((key,) for key in keys))
