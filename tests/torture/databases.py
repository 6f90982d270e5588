"""New ledgers, cheaply: copies of one that was migrated once."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import make_url

from connectors.ledger.db import open_ledger
from tests.shop.postgres import running

ENGINES = ("sqlite", "postgresql")


class NewLedger(Protocol):
    """Makes a ledger."""

    def __call__(self, name: str, like: str = "") -> str:
        """The URL of a new ledger: an empty one, or a copy of that at another URL."""
        ...


@contextmanager
def ledgers(engine: str, folder: Path) -> Iterator[NewLedger]:
    """Yield what makes ledgers in one database engine."""
    folder.mkdir(parents=True, exist_ok=True)
    making = _on_sqlite(folder) if engine == "sqlite" else _on_postgresql()
    with making as new:
        yield new


@contextmanager
def _on_sqlite(folder: Path) -> Iterator[NewLedger]:
    template = folder / "template.db"
    open_ledger(f"sqlite:///{template}").dispose()
    _whole(template)

    def new(name: str, like: str = "") -> str:
        path = folder / name / "ledger.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_whole(Path(str(make_url(like).database))) if like else template, path)
        return f"sqlite:///{path}"

    yield new


def _whole(path: Path) -> Path:
    """Put everything into the one file, so that it can be copied."""
    connection = sqlite3.connect(path)
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    return path


@contextmanager
def _on_postgresql() -> Iterator[NewLedger]:
    # Not in a folder of the tests: the server is another user, whom a test run that begins
    # meanwhile would shut out of it.
    with (
        tempfile.TemporaryDirectory(prefix="parley-pg-", ignore_cleanup_errors=True) as folder,
        running(Path(folder)) as server,
    ):
        template = make_url(server.database()).set(drivername="postgresql+psycopg")
        open_ledger(template.render_as_string(hide_password=False)).dispose()
        admin = template.set(drivername="postgresql", database="postgres")

        def new(name: str, like: str = "") -> str:
            source = make_url(like).database if like else template.database
            own = f"t_{sha256(name.encode()).hexdigest()[:12]}"
            at = admin.render_as_string(hide_password=False)
            with psycopg.connect(at, autocommit=True) as connection:
                connection.execute(f"create database {own} template {source}")
            return template.set(database=own).render_as_string(hide_password=False)

        yield new
