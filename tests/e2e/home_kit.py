"""A place of Parley's own in a temporary folder, used as a person uses it: by the command line."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

BIN = Path(sys.executable).parent
# What dbt read is kept from home to home.
KEPT = Path(__file__).parents[2] / ".pytest_cache" / "dbt" / "homes"
# A run that hangs fails its test, not the whole of them.
TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything a person would have read."""
        return self.out + self.err


def copy_new(source: Path, target: Path) -> None:
    """Copy what dbt read where it is not yet; its name says of what it is."""
    for path in source.glob("project-*.msgpack"):
        if not (target / path.name).exists():
            target.mkdir(parents=True, exist_ok=True)
            writing = target / f"writing-{os.getpid()}"
            writing.write_bytes(path.read_bytes())
            writing.replace(target / path.name)


@dataclass(frozen=True)
class Home:
    """A PARLEY_HOME with an empty HOME beside it; `settings` are PARLEY_… variables."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    timeout: int = TIMEOUT_SECONDS

    @property
    def path(self) -> Path:
        """PARLEY_HOME."""
        return self.folder / "var"

    @property
    def environment(self) -> dict[str, str]:
        """No setting of whoever runs the tests gets through; compiled code is kept, as usual."""
        others = ("PARLEY_", "PREFECT_", "DBT_", "COV_", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        own = {"HOME": str(home), "PARLEY_HOME": str(self.path), "COLUMNS": "240", "TZ": "UTC"}
        return {**kept, **own, **self.settings}

    def parley(self, *arguments: str) -> Said:
        """Run the installed command as a process of its own."""
        return self._call([str(BIN / "parley"), *arguments])

    def ok(self, *arguments: str) -> str:
        """Run a command that has to succeed, and return what it said."""
        said = self.parley(*arguments)
        assert said.code == 0, f"parley {' '.join(arguments)} failed:\n{said.text}"
        return said.text

    def python(self, code: str) -> Said:
        """Run code against this home in a process of its own, for what no command does."""
        return self._call([sys.executable, "-c", code])

    def _call(self, command: list[str]) -> Said:
        target = self.path / "dbt" / "target"
        copy_new(KEPT, target)
        said = self._run(command)
        copy_new(target, KEPT)
        return said

    def _run(self, command: list[str]) -> Said:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=self.timeout, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def ledger(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of the ledger database."""
        connection = sqlite3.connect(f"file:{self.path}/ledger.db?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(query, parameters)]
        finally:
            connection.close()

    def bi(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of the BI copy."""
        return rows_of(self.path / "bi" / "parley.duckdb", query, parameters)

    def warehouse(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of the warehouse."""
        return rows_of(self.path / "warehouse.duckdb", query, parameters)

    def snapshot(self, run_id: str, table: str) -> list[dict[str, Any]]:
        """Rows of a table as a run published it."""
        path = self.path / "runs" / run_id / f"{table}.parquet"
        return rows_of(":memory:", f"from read_parquet('{path}')")

    def runs(self) -> list[dict[str, Any]]:
        """The ledger's runs in the order they started."""
        return self.ledger("select * from runs order by started_at, rowid")

    def last_run(self) -> str:
        """The id of the run that started last."""
        return str(self.runs()[-1]["run_id"])

    def message_keys(self) -> set[str]:
        """The keys of all messages in the ledger."""
        return {row["message_key"] for row in self.ledger("select message_key from messages")}


def rows_of(path: Path | str, query: str, parameters: Any = ()) -> list[dict[str, Any]]:
    with duckdb.connect(str(path), read_only=path != ":memory:") as connection:
        found = connection.execute(query, list(parameters))
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
