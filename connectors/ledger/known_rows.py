"""What is known of the records of snapshots: a digest of each, so that only changes land."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine, delete, insert, select

from connectors.core.spec import KnownRow
from connectors.ledger.models import KnownRowRow

PAGE_ROWS = 10_000
# SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535.
MOST_KEYS = 5_000


def of_keys(connection: Connection, scope: str, keys: Sequence[str]) -> dict[str, KnownRow]:
    """Return what is known of these records, by key."""
    found = {}
    for start in range(0, len(keys), MOST_KEYS):
        query = select(KnownRowRow.record_key, KnownRowRow.digest, KnownRowRow.missed).where(
            KnownRowRow.scope == scope, KnownRowRow.record_key.in_(keys[start : start + MOST_KEYS])
        )
        found.update({row[0]: KnownRow(*row) for row in connection.execute(query)})
    return found


def pages(engine: Engine, scope: str) -> Iterator[list[KnownRow]]:
    """Yield everything known of a scope in the order of its keys."""
    last = ""
    while True:
        query = (
            select(KnownRowRow.record_key, KnownRowRow.digest, KnownRowRow.missed)
            .where(KnownRowRow.scope == scope, KnownRowRow.record_key > last)
            .order_by(KnownRowRow.record_key)
            .limit(PAGE_ROWS)
        )
        with engine.connect() as connection:
            found = [KnownRow(*row) for row in connection.execute(query)]
        if not found:
            return
        yield found
        last = found[-1].key


def remember(connection: Connection, scope: str, rows: Sequence[KnownRow]) -> None:
    """Put these rows in the place of what was known; those without a digest are forgotten."""
    for start in range(0, len(rows), MOST_KEYS):
        part = rows[start : start + MOST_KEYS]
        keys = [row.key for row in part]
        connection.execute(
            delete(KnownRowRow).where(KnownRowRow.scope == scope, KnownRowRow.record_key.in_(keys))
        )
        values = [
            {"scope": scope, "record_key": r.key, "digest": r.digest, "missed": r.missed}
            for r in part
            if r.digest is not None
        ]
        if values:
            connection.execute(insert(KnownRowRow), values)
