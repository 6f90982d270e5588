"""A real shop for tests: django-oscar with its REST API, in processes of its own.

A `Shop` is made once (200 orders and 50 open baskets: about 8 s), may serve its REST API
(/api/admin/orders/ and so on, as `ADMIN`), may go on trading while others read it, and tells
the truth about what it holds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.shop.truth import Truth, read_truth

ROOT = Path(__file__).parents[2]
ADMIN = ("admin@shop.example", "admin")
"""Name and password for basic authentication as staff."""


class Life:
    """A shop that goes on trading in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def is_going_on(self) -> bool:
        """Whether it still trades."""
        return self._process.poll() is None

    def did(self, timeout: float = 120) -> dict[str, int]:
        """Wait for the end: how often what was done, by name."""
        told, _ = self._process.communicate(timeout=timeout)
        assert self._process.returncode == 0, "the shop fell over while it traded"
        return dict(json.loads(told))


class Shop:
    """One shop. `database` is an empty PostgreSQL database's URL; a SQLite file if not told."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self._place = database or str(folder / "oscar.db")

    @property
    def database_url(self) -> str:
        """Its database as SQLAlchemy names it."""
        if self._place.startswith("postgresql://"):
            return self._place.replace("postgresql://", "postgresql+psycopg://", 1)
        return f"sqlite:///{self._place}"

    def make(self, orders: int = 200, open_baskets: int = 50, seed: int = 1) -> Shop:
        """Create its tables and fill them; it comes out the same for the same arguments."""
        sizes = ("--orders", str(orders), "--baskets", str(open_baskets), "--seed", str(seed))
        process = self._start("make", *sizes)
        process.communicate(timeout=240)
        assert process.returncode == 0, "the shop could not be made"
        return self

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its REST API on a free loopback port while the block runs: http://127.0.0.1:port."""
        with self._started("serve") as process:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"

    @contextmanager
    def living(self, steps: int = 300, seed: int = 1, pause: float = 0.0) -> Iterator[Life]:
        """It does `steps` things, `pause` seconds apart, or fewer if the block ends before."""
        arguments = ("--steps", str(steps), "--seed", str(seed), "--pause", str(pause))
        with self._started("live", *arguments) as process:
            yield Life(process)

    def truth(self) -> Truth:
        """What it holds now."""
        return read_truth(self.database_url)

    @contextmanager
    def _started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        with self._start(*arguments) as process:
            try:
                yield process
            finally:
                process.kill()

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "ignore", "-m", "tests.shop", *arguments]
        environment = {**os.environ, "SHOP_DATABASE": self._place}
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
