"""Who is who: labelled people landed as customers of a database, and what the transform makes of them."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import duckdb

import flows.run
from connectors.core.settings import get_settings
from flows import build, work
from tests.quality.report import Row

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

DATA = Path(__file__).parent / "data"
AS_OF = "2026-03-02T12:00:00Z"
CHANGED = "2026-03-01 12:00:00"
COLUMNS = (
    *("customer_id", "email", "first_name", "last_name", "born_on", "street", "postcode", "city"),
    "updated_at",
)
Customer = dict[str, str | None]


@dataclass(frozen=True)
class Figures:
    """Pairs of records that are one person's, of all that are put together and of all there are."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True)
class Found:
    """What came out for a file: its figures, and pairs linked and true ones of them by rule."""

    figures: Figures
    rules: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Goal:
    """Least F1 and precision, and what others reach on the same file."""

    f1: float
    precision: float
    reference: str


GOALS = {
    "febrl3": Goal(0.97, 0.985, "Splink 5: .992 (1.0)"),
    "fake_1000": Goal(0.95, 0.99, "Splink 5: .941 (1.0)"),
}


def rows(home: Path) -> list[Row]:
    """Both files with the fuzzy rules, then by the keys alone."""
    return [row for fuzzy in (True, False) for row in _rows(measure(home, fuzzy=fuzzy), fuzzy)]


def _rows(found: Mapping[str, Found], fuzzy: bool) -> Iterator[Row]:  # noqa: FBT001 - a fact
    for name, each in found.items():
        told, goal = each.figures, GOALS[name]
        value = f"F1 {told.f1:.4f}, precision {told.precision:.4f}, recall {told.recall:.4f}"
        if not fuzzy:
            yield Row(
                f"identity: {name}, keys alone", value, "", "precision 1.0", told.precision == 1.0
            )
            continue
        notes = [
            f"found by {rule}: {pairs} pairs, precision {true / pairs:.4f}"
            for rule, (pairs, true) in sorted(each.rules.items())
        ]
        met = told.f1 >= goal.f1 and told.precision >= goal.precision
        asked = f"F1 ≥ {goal.f1} at precision ≥ {goal.precision}"
        yield Row(f"identity: {name}, fuzzy", value, goal.reference, asked, met, notes)


def measure(home: Path, *, fuzzy: bool) -> dict[str, Found]:
    """Land both files and build; by file. A home that was measured in is only built anew."""
    people = {"febrl3": dict(_febrl3()), "fake_1000": dict(_fake_1000())}
    with _settled(home, people, fuzzy=fuzzy):
        run = flows.run.begin("triggered", AS_OF)
        for name, customers in people.items():
            if not (home / f"{name}.db").exists():
                _write(home / f"{name}.db", list(customers.values()))
                work.land_stream(run, name, "customers")
        work.gate_landing(run)
        work.take_in(run)
        work.transform(run, _identity_alone)
        with duckdb.connect(str(run.settings.warehouse_path), read_only=True) as connection:
            return {name: _found(connection, name, people[name]) for name in people}


@contextmanager
def _settled(home: Path, sources: Mapping[str, object], *, fuzzy: bool) -> Iterator[None]:
    """Work in a home with the files as sources, whose ids have nothing to do with each other."""
    own = {"PARLEY_HOME": str(home), "PARLEY_FUZZY_IDENTITY": str(fuzzy)}
    for name in sources:
        source = f"PARLEY_SOURCES__{name.upper()}__"
        own |= {f"{source}VENDOR": "database", f"{source}ID_SPACE": name}
        own[f"{source}URL"] = f"sqlite:///{home / name}.db"
    with patch.dict(os.environ, own):
        get_settings.cache_clear()
        try:
            yield
        finally:
            get_settings.cache_clear()


def _write(path: Path, customers: list[Customer]) -> None:
    """A shop's database with these customers."""
    with sqlite3.connect(path) as connection:
        connection.execute(f"create table customers ({', '.join(COLUMNS)})")
        marks = ", ".join("?" * len(COLUMNS))
        values = [[each.get(column) for column in COLUMNS] for each in customers]
        connection.executemany(f"insert into customers values ({marks})", values)
    connection.close()


def _identity_alone(args: list[str], manifest: Manifest) -> None:
    """Build no more than tells people apart."""
    start, end = args.index("--select") + 1, args.index("--exclude-resource-type")
    build.plainly([*args[:start], "+people_nodes", "+int_fuzzy_links", *args[end:]], manifest)


def _found(
    connection: duckdb.DuckDBPyConnection, source: str, customers: Mapping[str, Customer]
) -> Found:
    label = {str(each["customer_id"]): each["label"] for each in customers.values()}
    nodes = dict(
        connection.execute(
            "select user_node, customer_id from intermediate.int_customers where source_id = ?",
            [source],
        ).fetchall()
    )
    persons = dict(
        connection.execute("select node_id, person_id from marts.people_nodes").fetchall()
    )
    placed = [(persons[node], label[key]) for node, key in nodes.items()]
    rules: dict[str, tuple[int, int]] = {}
    links = connection.execute(
        "select node_id, other_id, rule from intermediate.int_fuzzy_links"
    ).fetchall()
    for node, other, rule in links:
        if node in nodes:
            is_one = other in nodes and label[nodes[node]] == label[nodes[other]]
            pairs, true = rules.get(rule, (0, 0))
            rules[rule] = (pairs + 1, true + is_one)
    return Found(_figures(placed), rules)


def _figures(placed: list[tuple[str, str | None]]) -> Figures:
    """From (person, label) of each record."""
    together = _pairs(Counter(person for person, _ in placed))
    are_one = _pairs(Counter(label for _, label in placed))
    both = _pairs(Counter(placed))
    return Figures(both / together if together else 1.0, both / are_one)


def _pairs(counts: Mapping[object, int]) -> int:
    return sum(n * (n - 1) // 2 for n in counts.values())


def _febrl3() -> Iterator[tuple[str, Customer]]:
    """Its soc_sec_id is left out: shops don't ask for it."""
    with (DATA / "febrl3.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, skipinitialspace=True):
            born = row["date_of_birth"]
            key = row["rec_id"]
            yield (
                key,
                {
                    "customer_id": key,
                    "label": key.split("-")[1],
                    "first_name": row["given_name"],
                    "last_name": row["surname"],
                    "born_on": f"{born[:4]}-{born[4:6]}-{born[6:]}" if born else None,
                    "street": f"{row['street_number']} {row['address_1']}",
                    "postcode": row["postcode"],
                    "city": row["suburb"],
                    "updated_at": CHANGED,
                },
            )


def _fake_1000() -> Iterator[tuple[str, Customer]]:
    with (DATA / "fake_1000.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            key = f"fake-{row['unique_id']}"  # 0 alone is nobody's id
            yield (
                key,
                {
                    "customer_id": key,
                    "label": row["cluster"],
                    "email": row["email"],
                    "first_name": row["first_name"],
                    "last_name": row["surname"],
                    "born_on": row["dob"],
                    "city": row["city"],
                    "updated_at": CHANGED,
                },
            )
