"""DuckDB without its progress bar, of which a log would keep each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path


def connect(file: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection to a file that is only read, or to memory."""
    place = str(file) if file else ":memory:"
    connection = duckdb.connect(place, read_only=file is not None)
    connection.execute("set enable_progress_bar = false")
    return connection
