"""A home of Parley with one shop in it, which goes on from date to date as the shop's runs would.

At each date what has happened by then is landed and built: the models can't know more. What is
needed of the tables is kept as Parquet, so that the parts compare it with what happened next.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import reduce
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import flows.run
from connectors.core.settings import LEDGER_SOURCE, get_settings
from connectors.ledger import runs
from connectors.ledger.manifest import LedgerManifest
from flows import build, calibrate, work
from flows.versions import DBT_PROJECT, versions
from tests.quality import duck, mail, selection, store
from tests.quality.selection import Need, need

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from connectors.core.settings import Settings
    from tests.quality.shops import Shop

NEEDED = ("sklearn", "matplotlib")
# Which person is which customer.
CUSTOMERS = """
    select c.customer_id, n.person_id
    from intermediate.int_customers as c
    inner join marts.people_nodes as n on c.user_node = n.node_id
    where c.is_current
"""


@dataclass(frozen=True)
class Kept:
    """The tables of one date, as the models made them then, and all that the shop ever sold.

    By name: the models that were asked for, `customers` (customer_id, person_id), `lines`.
    """

    day: date
    folder: Path
    lines: Path

    def weights(self, *goals: str) -> list[str]:
        """What became of fitting the weights of these goals, a line each."""
        told = (self.folder / "weights.txt").read_text(encoding="utf-8").splitlines()
        return [line for line in told if line.startswith(tuple(f"{goal}:" for goal in goals))]

    def columns(self, query: str, *parameters: object) -> dict[str, Any]:
        """A query over the tables; its columns as arrays."""
        with self.opened() as connection:
            return connection.execute(query, list(parameters)).fetchnumpy()

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that has the tables as views; `as_of` is a variable of it."""
        with duck.connect() as connection:
            connection.execute(f"set variable as_of = date '{self.day}'")
            connection.execute(f"create view lines as from '{self.lines}'")
            for path in self.folder.glob("*.parquet"):
                connection.execute(f"create view {path.stem} as from '{path}'")
            yield connection


@dataclass
class Home:
    """A folder with the shop's database, its mail, and everything that Parley keeps."""

    shop: Shop
    folder: Path

    def kept(self, day: date) -> Kept:
        """What `walk` kept of a date."""
        return Kept(day, self.folder / "kept" / day.isoformat(), self.shop.lines.path)

    def walk(self, wanted: Mapping[date, Need]) -> None:
        """Run at each date, oldest first: land, fit the weights that are asked for, build."""
        self.folder.mkdir(parents=True, exist_ok=True)
        store.write(self.shop.lines, self.folder / "shop.db")
        ever = reduce(Need.__or__, wanted.values(), need(()))
        with self._settled():
            for day, now in sorted(wanted.items()):
                self._at(day, now, ever)

    def _at(self, day: date, now: Need, ever: Need) -> None:
        clock = f"{day}T00:00:00Z"
        settings = get_settings()
        if self.shop.campaigns:
            mail.arrive(self.shop.campaigns, self.folder, day, settings)
        if now.goals:
            _run(clock, work.streams(settings), selection.before_weights(now, ever))
            verdicts = [_fit(settings, goal, clock) for goal in sorted(now.goals)]
            _run(clock, [(LEDGER_SOURCE, "weights")], selection.after_weights(now, ever))
        else:
            verdicts = []
            _run(clock, work.streams(settings), selection.whole(now, ever))
        _keep(settings.warehouse_path, self.kept(day).folder, now.models)
        (self.kept(day).folder / "weights.txt").write_text("\n".join(verdicts), encoding="utf-8")

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Work in the home, with its campaigns as rows of its own copy of the project."""
        own = {"PARLEY_HOME": str(self.folder / "var"), **self._sources()}
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, own))
            if self.shop.campaigns:
                project = self.folder / "dbt_project"
                away = shutil.ignore_patterns("target", "logs", "dbt_packages")
                shutil.copytree(DBT_PROJECT, project, ignore=away)
                mail.announce(self.shop.campaigns, project)
                stack.enter_context(patch.object(build, "DBT_PROJECT", project))
            stack.callback(_forget)
            _forget()
            yield

    def _sources(self) -> dict[str, str]:
        named = {"SHOP": ("database", f"sqlite:///{self.folder / 'shop.db'}")}
        if self.shop.campaigns:
            (self.folder / "web").mkdir(exist_ok=True)
            named["WEB"] = ("segment", str(self.folder / "web"))
        told = {}
        for name, (vendor, url) in named.items():
            told[f"PARLEY_SOURCES__{name}__VENDOR"] = vendor
            told[f"PARLEY_SOURCES__{name}__URL"] = url
        return told


def _run(clock: str, streams: Iterable[tuple[str, str]], invoke: build.Invoke) -> None:
    """One run up to the marts that are needed. The gate of landing has tests of its own."""
    run = flows.run.begin("daily", clock)
    with work.recorded(run):
        for source_id, stream in streams:
            work.land_stream(run, source_id, stream)
        manifest = LedgerManifest(run.ledger)
        manifest.mark_checked([batch.batch_id for batch in manifest.unchecked()])
        work.take_in(run)
        work.transform(run, invoke)
    runs.finish(run.ledger, run.run_id, "completed", {}, "")


def _fit(settings: Settings, goal: str, clock: str) -> str:
    """Calibrate a goal as of the date, as `parley calibrate` does; what became of it, in words."""
    if not all(map(find_spec, NEEDED)):
        return f"{goal}: the shipped ones, since the extra calibrate is not installed"
    (task,), at = calibrate.look(settings, goal, clock, build.plainly)
    result = calibrate.settle(settings, task, at)
    return f"{goal}: {result.in_force}, {result.verdict}: {result.why}"


def _forget() -> None:
    get_settings.cache_clear()
    versions.cache_clear()


def _keep(warehouse: Path, folder: Path, models: Iterable[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with duck.connect(warehouse) as connection:
        places = dict(
            connection.execute(
                "select table_name, table_schema from information_schema.tables"
            ).fetchall()
        )
        for model in models:
            connection.execute(
                f"copy {places[model]}.{model} to '{folder / model}.parquet' (format parquet)"
            )
        connection.execute(f"copy ({CUSTOMERS}) to '{folder}/customers.parquet' (format parquet)")
