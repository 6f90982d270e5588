"""Right of way on SQLite: who has to write at once holds back the transactions of all others.

SQLite's own way of waiting is to look again ever more seldom, so that a push, whose transactions
follow each other closely, can keep somebody out until it has ended. PostgreSQL has a queue.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine


def give_way(database: str | None) -> None:
    """Wait while somebody has the right of way; call it before a transaction begins."""
    if database is None:
        return
    try:
        with _gate(database).open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
    except FileNotFoundError:
        return  # nobody has


@contextmanager
def right_of_way(engine: Engine) -> Iterator[None]:
    """Hold back the others' next transactions; it goes with the process, `kill -9` included."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        yield
        return
    gate = _gate(database)
    with gate.open("wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            gate.unlink(missing_ok=True)


def _gate(database: str) -> Path:
    return Path(f"{database}.first")
