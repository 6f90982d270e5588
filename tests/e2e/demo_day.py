"""A newcomer's two days with the demo, and how the tests look at what they left behind."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from home_kit import Home, Said, rows_of

KEY = "parley-demo"
RUNS = ("first", "again", "evening", "next_day")


@dataclass(frozen=True)
class Demo:
    """What each command of the sequence said and left behind.

    `keys` are the ledger's message keys after each step, `runs` the id of each step's run.
    """

    home: Home
    said: dict[str, Said] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=dict)

    @property
    def bi(self) -> Path:
        """The BI copy as the last run left it."""
        return self.home.path / "bi" / "parley.duckdb"

    def step(self, name: str, *arguments: str) -> None:
        """Run a command that has to succeed, and keep what there is afterwards."""
        self.said[name] = said = self.home.parley(*arguments)
        assert said.code == 0, f"parley {' '.join(arguments)} failed:\n{said.text}"
        self.runs[name] = self.home.last_run()
        self.keys[name] = self.home.message_keys()

    def audience(self, step: str) -> list[dict[str, Any]]:
        """Both audiences of a step's run as they were published."""
        tables = ("audience_triggered", "audience_mass")
        return [row for table in tables for row in self.home.snapshot(self.runs[step], table)]


def in_order(*words: str) -> re.Pattern[str]:
    """A pattern that finds these words in this order."""
    return re.compile(".*".join(map(re.escape, words)), re.DOTALL)


def one(path: Path, query: str) -> Any:
    """The only value of a query's only row."""
    [row] = rows_of(path, query)
    return next(iter(row.values()))


def columns(path: Path, data_type: str) -> list[tuple[str, str]]:
    """Table and column of every column of that type in schema marts."""
    found = rows_of(
        path,
        "select table_name, column_name from duckdb_columns()"
        " where schema_name = 'marts' and data_type = ? order by all",
        [data_type],
    )
    return [(row["table_name"], row["column_name"]) for row in found]


def sent_files(demo: Demo) -> list[Path]:
    """Every batch that was delivered."""
    return sorted((demo.home.path / "out" / "file").glob("*/*.csv"))


def rows_in(path: Path) -> list[dict[str, str]]:
    """The messages of a delivered batch."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
