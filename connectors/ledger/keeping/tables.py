"""Every table of the ledger, for whoever needs all of them: migrations, backup, restore."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, inspect, select

from connectors.core.errors import StopRun
from connectors.ledger import facts, models, weights
from connectors.ledger.emission import budgets, last_look
from connectors.ledger.guards import pauses, pushes
from connectors.ledger.keeping import restores
from connectors.ledger.lists import held

# These modules declare tables; to import them is to know their tables.
OWNERS = (budgets, facts, held, last_look, models, pauses, pushes, restores, weights)
METADATA = models.Base.metadata
CHUNK_ROWS = 5_000
Rows = list[dict[str, Any]]


def row_counts(connection: Connection) -> dict[str, int]:
    """Return how many rows each table has, by its name.

    Raises `StopRun` where the database lacks a table.
    """
    known = {table.name for table in METADATA.sorted_tables}
    there = set(inspect(connection).get_table_names())
    if missing := sorted(known - there):
        what = f"The ledger lacks tables: {', '.join(missing)}"
        raise StopRun(what, "ledger", "Open it with the version of Parley that is installed.")
    query = {name: select(func.count()).select_from(METADATA.tables[name]) for name in known}
    return {name: connection.scalar(query[name]) or 0 for name in sorted(known)}


def replace_all(source: Connection, target: Connection) -> dict[str, int]:
    """Put every row of one ledger in the place of another's; how many, by table.

    Memory is bounded. The caller's transaction on `target` makes it all or nothing.
    """
    for table in reversed(METADATA.sorted_tables):
        target.execute(delete(table))
    copied = {}
    for table in METADATA.sorted_tables:
        copied[table.name] = 0
        for rows in pages(source, table):
            target.execute(insert(table), rows)
            copied[table.name] += len(rows)
        _go_on_numbering(target, table)
    return copied


def pages(connection: Connection, table: Table) -> Iterator[Rows]:
    """Yield a table's rows in pages of bounded size."""
    options = {"stream_results": True, "yield_per": CHUNK_ROWS}
    streamed = connection.execute(select(table), execution_options=options)
    for page in streamed.mappings().partitions():
        yield [dict(row) for row in page]


def _go_on_numbering(connection: Connection, table: Table) -> None:
    """Let a table that numbers its rows go on after the last; PostgreSQL does not look itself."""
    numbered = table.autoincrement_column
    if numbered is None or connection.dialect.name != "postgresql":
        return
    last = connection.scalar(select(func.max(numbered)))
    sequence = func.pg_get_serial_sequence(table.name, numbered.name)
    connection.execute(select(func.setval(sequence, last or 1, bool(last))))
