"""A small shop of its own, seeded, and runs that build no more of it than calibrating reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import store_kit

from connectors.ledger import runs
from connectors.ledger.weights import Pair
from flows import build, work
from flows.calibration.fit import Sample
from flows.run import begin
from flows.versions import DBT_PROJECT

OPENED = datetime(2023, 1, 2, 9, tzinfo=UTC)
CUSTOMERS = 90
DAYS = 220
TABLES = {
    "customers": "customer_id, email, created_at, updated_at",
    "products": "product_id, name, category, price_minor, currency, updated_at",
    "orders": "order_id, customer_id, status, currency, amount_minor, discount_minor, ordered_at,"
    " updated_at",
    "order_lines": "line_id, order_id, product_id, quantity, amount_minor, currency, updated_at",
}
# What is looked at in these tests, and all that it is made from.
HERE = {"database", "parley"}
READ = ("+intent_scores", "+conversions", "+int_signal_days", "+people", "applied_batches")


def shop(path: Path, seed: int = 7) -> str:
    """Some come every few days, some hardly ever, many stop coming; the database's address."""
    dice = Random(seed)
    with sqlite3.connect(path) as store:
        for table, columns in TABLES.items():
            store.execute(f"create table {table} ({columns})")
        for product, name in (("p1", "tea"), ("p2", "cups")):
            row = (product, name.capitalize(), name, _at(0))
            store.execute("insert into products values (?, ?, ?, 500, 'GBP', ?)", row)
        for number in range(CUSTOMERS):
            _customer(store, number, [*_days(dice)])
    store.close()
    return f"sqlite:///{path}"


def _days(dice: Random) -> Iterator[float]:
    every = 3 + dice.random() ** 2 * 30
    day, leaves = dice.random() * 60, 60 + dice.random() * DAYS * 1.5
    while day < min(DAYS, leaves):
        yield day
        day += dice.expovariate(1 / every)


def _at(day: float) -> str:
    return f"{OPENED + timedelta(days=day):%Y-%m-%d %H:%M:%S}"


def _customer(store: sqlite3.Connection, number: int, days: list[float]) -> None:
    who, since = f"u{number}", _at(days[0])
    row = (who, f"{who}@shop.example", since, since)
    store.execute("insert into customers values (?, ?, ?, ?)", row)
    for visit, day in enumerate(days):
        order, at, amount = f"{who}-{visit}", _at(day), 500 + 100 * (number % 7)
        store.execute(
            "insert into orders values (?, ?, 'paid', 'GBP', ?, 0, ?, ?)",
            (order, who, amount, at, at),
        )
        # Some come for tea alone, others now and then for a cup as well.
        for product in ("p1", "p2")[: 2 if (number * visit) % 5 == 3 else 1]:
            store.execute(
                "insert into order_lines values (?, ?, ?, 1, ?, 'GBP', ?)",
                (f"{order}-{product}", order, product, amount, at),
            )


def bought(path: Path, until: datetime) -> list[tuple[str, str, date]]:
    """Who bought in which category on which day, by the shop's own tables."""
    query = """
        select distinct o.customer_id, p.category, date(o.ordered_at)
        from order_lines as l
        inner join orders as o on l.order_id = o.order_id
        inner join products as p on l.product_id = p.product_id
        where o.ordered_at <= ?
    """
    with sqlite3.connect(path) as store:
        found = store.execute(query, [f"{until:%Y-%m-%d %H:%M:%S}"]).fetchall()
    store.close()
    return [(who, category, date.fromisoformat(day)) for who, category, day in found]


def narrowly(args: list[str], manifest: Any) -> None:
    """Run dbt on what these tests read; no vendor's staging but those of the shop and our own."""
    if not any(part == "path:models/marts" for part in args):
        build.plainly(args, manifest)
        return
    start = args.index("--select") + 1
    end = next(n for n in range(start, len(args)) if args[n].startswith("--"))
    folders = sorted(path.name for path in (DBT_PROJECT / "models/staging").glob("[a-z]*/"))
    away = [f"path:models/staging/{name}" for name in folders if name not in HERE]
    rest = [part for part in args[end:] if part not in ("--exclude", build.UNIONS)]
    chosen = [*args[:start], *READ, "--exclude", *away, "path:models/calibration", *rest]
    build.plainly(chosen, manifest)


def run(stores: store_kit.Stores, as_of: datetime) -> str:
    """A run up to its marts: what happened by then is landed and built; its id."""
    made = begin("triggered", as_of.isoformat())
    for source_id, stream in work.streams(stores.settings):
        work.land_stream(made, source_id, stream)
    assert not any(work.gate_landing(made).values())
    work.take_in(made)
    work.transform(made, narrowly)
    runs.finish(made.ledger, made.run_id, "completed", {}, "")
    return made.run_id


def sample(
    pairs: tuple[Pair, ...],
    slopes: tuple[float, ...],
    constant: float = -1.0,
    rows: int = 4_000,
    seed: int = 1,
) -> Sample:
    """Rows of twelve weeks whose labels follow from the terms by these slopes, by chance."""
    dice = np.random.default_rng(seed)
    terms = dice.exponential(1.0, (rows, len(pairs))).astype(np.float32)
    logit = constant + terms @ np.array(slopes)
    reached = dice.random(rows) < 1 / (1 + np.exp(-logit))
    weeks = np.datetime64("2023-01-02", "s") + np.arange(rows) % 12 * np.timedelta64(7, "D")
    return Sample(pairs, terms, reached, np.sort(weeks))
