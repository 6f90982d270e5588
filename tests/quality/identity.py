"""Who is who: labelled people as customers of a database, and what the transform makes of them."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import flows.run
from connectors.core.settings import get_settings
from flows import build, work
from tests.quality import duck
from tests.quality.report import Row

if TYPE_CHECKING:
    import duckdb
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
class Placed:
    """What the transform made of a source's customers: the person of each, and who was linked how.

    `links` by the fuzzy rules: rule, customer id, other customer id.
    """

    persons: Mapping[str, str]
    links: list[tuple[str, str, str]]


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
    people = files()
    found = {fuzzy: place(home, people, fuzzy=fuzzy) for fuzzy in (True, False)}
    return [
        *(_fuzzy(name, people[name], placed) for name, placed in found[True].items()),
        *(_keys_alone(name, people[name], placed) for name, placed in found[False].items()),
    ]


def _fuzzy(name: str, customers: list[Customer], placed: Placed) -> Row:
    told, goal = figures(customers, placed), GOALS[name]
    label = {each["customer_id"]: each["label"] for each in customers}
    linked = Counter(rule for rule, _, _ in placed.links)
    true = Counter(rule for rule, one, other in placed.links if label[one] == label[other])
    notes = [
        f"found by {rule}: {pairs} pairs, precision {true[rule] / pairs:.4f}"
        for rule, pairs in sorted(linked.items())
    ]
    met = told.f1 >= goal.f1 and told.precision >= goal.precision
    asked = f"F1 ≥ {goal.f1} at precision ≥ {goal.precision}"
    return Row(f"identity: {name}, fuzzy", _said(told), goal.reference, asked, met, notes)


def _keys_alone(name: str, customers: list[Customer], placed: Placed) -> Row:
    told = figures(customers, placed)
    met = told.precision == 1.0 and not placed.links
    return Row(f"identity: {name}, keys alone", _said(told), "", "precision 1.0", met)


def _said(told: Figures) -> str:
    return f"F1 {told.f1:.4f}, precision {told.precision:.4f}, recall {told.recall:.4f}"


def files() -> dict[str, list[Customer]]:
    """The labelled files as customers, by the name of their source."""
    return {"febrl3": list(_febrl3()), "fake_1000": list(_fake_1000())}


def place(home: Path, people: Mapping[str, list[Customer]], *, fuzzy: bool) -> dict[str, Placed]:
    """Land each source's customers in a home and build; a home that has them is only built anew."""
    with _settled(home, people, fuzzy=fuzzy):
        run = flows.run.begin("triggered", AS_OF)
        for name, customers in people.items():
            if not (home / f"{name}.db").exists():
                _write(home / f"{name}.db", customers)
                work.land_stream(run, name, "customers")
        work.gate_landing(run)
        work.take_in(run)
        work.transform(run, _identity_alone)
        with duck.connect(run.settings.warehouse_path) as connection:
            return {name: _placed(connection, name) for name in people}


@contextmanager
def _settled(home: Path, sources: Iterable[str], *, fuzzy: bool) -> Iterator[None]:
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
        values = [
            [{"updated_at": CHANGED, **each}.get(name) for name in COLUMNS] for each in customers
        ]
        connection.executemany(f"insert into customers values ({marks})", values)
    connection.close()


def _identity_alone(args: list[str], manifest: Manifest) -> None:
    """Build no more than tells people apart."""
    start, end = args.index("--select") + 1, args.index("--exclude-resource-type")
    build.plainly([*args[:start], "+people_nodes", "+int_fuzzy_links", *args[end:]], manifest)


def _placed(connection: duckdb.DuckDBPyConnection, source: str) -> Placed:
    persons = connection.execute(
        "select c.customer_id, n.person_id from intermediate.int_customers as c"
        " inner join marts.people_nodes as n on c.user_node = n.node_id where c.source_id = ?",
        [source],
    ).fetchall()
    links = connection.execute(
        "select l.rule, c.customer_id, o.customer_id from intermediate.int_fuzzy_links as l"
        " inner join intermediate.int_customers as c on l.node_id = c.user_node"
        " inner join intermediate.int_customers as o on l.other_id = o.user_node"
        " where c.source_id = ?",
        [source],
    ).fetchall()
    return Placed(dict(persons), links)


def figures(customers: list[Customer], placed: Placed) -> Figures:
    """How far the persons are those of the labels, over all pairs of customers."""
    both = [(placed.persons[str(each["customer_id"])], each["label"]) for each in customers]
    together = _pairs(Counter(person for person, _ in both))
    are_one = _pairs(Counter(label for _, label in both))
    true = _pairs(Counter(both))
    return Figures(true / together if together else 1.0, true / are_one)


def _pairs(counts: Mapping[object, int]) -> int:
    return sum(n * (n - 1) // 2 for n in counts.values())


def _febrl3() -> Iterator[Customer]:
    """Its soc_sec_id is left out: shops don't ask for it."""
    with (DATA / "febrl3.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, skipinitialspace=True):
            born = row["date_of_birth"]
            yield {
                "customer_id": row["rec_id"],
                "label": row["rec_id"].split("-")[1],
                "first_name": row["given_name"],
                "last_name": row["surname"],
                "born_on": f"{born[:4]}-{born[4:6]}-{born[6:]}" if born else None,
                "street": f"{row['street_number']} {row['address_1']}",
                "postcode": row["postcode"],
                "city": row["suburb"],
            }


def _fake_1000() -> Iterator[Customer]:
    with (DATA / "fake_1000.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {
                "customer_id": f"fake-{row['unique_id']}",  # 0 alone is nobody's id
                "label": row["cluster"],
                "email": row["email"],
                "first_name": row["first_name"],
                "last_name": row["surname"],
                "born_on": row["dob"],
                "city": row["city"],
            }
