"""Runs the floor: `floor.sql` on one DuckDB connection, from the lake's files to seven tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from datetime import datetime

SCRIPT = Path(__file__).with_name("floor.sql")
SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"
STREAMS = {
    "events": "segment/web",
    "customers": "database/shop",
    "orders": "database/shop",
    "order_lines": "database/shop",
    "consents": "database/shop",
    "identifiers": "parley/identifiers",
}
OUTPUTS = (
    *("web_events", "sessions", "carts", "orders", "order_lines", "people_nodes"),
    "intent_scores",
)


def run(lake: Path, target: Path, as_of: datetime, threads: int) -> None:
    """Write the outputs of all that is in the lake to a new DuckDB file at `target`."""
    before, spread, after = _parts()
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "preserve_insertion_order": False,
    }
    with duckdb.connect(str(target), config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set variable as_of = $1::timestamp", [as_of.replace(tzinfo=None)])
        connection.execute("set variable seeds = $1", [str(SEEDS)])
        for stream, folder in STREAMS.items():
            files = sorted(map(str, (lake / folder / stream).rglob("*.parquet")))
            connection.execute(f"set variable {stream} = $1", [files])
        connection.execute(before)
        while connection.execute(spread).fetchall() != [(0,)]:
            pass
        connection.execute(after)


def _parts() -> tuple[str, str, str]:
    script = SCRIPT.read_text(encoding="utf-8")
    before, _, rest = script.partition("-- until settled:")
    spread, _, after = rest.partition("-- settled\n")
    # What is left of the mark's own line is a comment's end.
    return before, "--" + spread, after
