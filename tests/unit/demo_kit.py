"""One generated demo shop, read back once for all tests that look at it."""

import atexit
import gzip
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from subprocess import Popen
from tempfile import mkdtemp
from typing import Any

import orjson

from connectors.demo import DemoShop, generate

Event = dict[str, Any]
ROOT = Path(__file__).parents[2]


@dataclass
class World:
    """A generated shop, read back: rows by table, parsed lines, lines that don't parse."""

    shop: DemoShop
    tables: dict[str, list[dict[str, Any]]]
    events: list[Event]
    broken: int
    second: tuple[Path, Popen[bytes]]

    def of(self, event: str) -> list[Event]:
        """Return the track events of a name."""
        return [e for e in self.events if e.get("event") == event]


@cache
def world() -> World:
    """Build a shop and, beside it, a second one in a process that hashes text differently."""
    folder = Path(mkdtemp(prefix="demo-"))
    second = folder / "second"
    code = "import pathlib, sys, connectors.demo as d; d.generate(pathlib.Path(sys.argv[1]))"
    hashing = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONHASHSEED": hashing, "PYTHONPATH": str(ROOT)}
    builder = Popen([sys.executable, "-c", code, str(second)], env=environment, cwd=ROOT)
    atexit.register(_clear, folder, builder)
    shop = generate(folder / "first")
    connection = sqlite3.connect(shop.db_path)
    connection.row_factory = sqlite3.Row
    names = ("customers", "products", "orders", "consents")
    tables = {n: [dict(r) for r in connection.execute(f"select * from {n}")] for n in names}
    connection.close()
    events: list[Event] = []
    broken = 0
    for line in lines_of(shop.web_dir):
        try:
            events.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            broken += 1
    return World(shop, tables, events, broken, (second, builder))


def _clear(folder: Path, builder: Popen[bytes]) -> None:
    """Stop the second build if no test waited for it, and remove both shops."""
    builder.kill()
    builder.wait()
    shutil.rmtree(folder, ignore_errors=True)


def lines_of(*archives: Path) -> Iterator[bytes]:
    for folder in archives:
        for path in sorted(folder.glob("*.jsonl.gz")):
            with gzip.open(path) as file:
                yield from file


def when(text: object) -> datetime:
    """Read a time of either source; a value of a wrong type lies before everything."""
    if not isinstance(text, str):
        return datetime(1970, 1, 1, tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def fingerprint(shop: DemoShop) -> str:
    digest = sha256()
    connection = sqlite3.connect(shop.db_path)
    for table in ("customers", "products", "orders", "order_lines", "consents"):
        for row in connection.execute(f"select * from {table} order by 1, updated_at"):
            digest.update(repr(row).encode())
    connection.close()
    for line in lines_of(shop.web_dir, shop.school_dir):
        digest.update(line)
    return digest.hexdigest()
