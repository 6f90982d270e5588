"""The first full build by dbt, against the floor: one hand-written script, the same outputs."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import duckdb

import flows.run
from connectors.core.clock import iso_z
from connectors.core.settings import Settings, get_settings
from connectors.ledger import runs
from flows import build, work
from tests.bench import floor, volume
from tests.bench.report import SEED, Row, measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbt.contracts.graph.manifest import Manifest

    from flows.run import Run
    from tests.bench.report import Measured

GOAL = 1.5
THREADS = 2
DAYS = 30
EVENTS = 1_000_000
FROZEN = Path(__file__).with_name("floor.sha256")
# What the floor was frozen on: events and days.
SMALL = (20_000, 5)
DOMINANT = 6
# A run has no use for dbt's results in a file; what they say of each node is asked for here.
NOT_WRITTEN = "--no-write-json"


def rows(scale: float, home: Path) -> list[Row]:
    """Land the volume, let both build from it, compare what they built row for row.

    Raises:
        RuntimeError: the floor is not what was frozen, or Parley's tables differ from it.
    """
    check_frozen(home / "small")
    made = measure("tests.bench.build:land", str(home), EVENTS * scale, DAYS)
    by_hand = measure("tests.bench.build:by_hand", str(home))
    by_dbt = measure("tests.bench.build:by_dbt", str(home), floor.OUTPUTS)
    check_equal(home)
    Settings(home=home).warehouse_path.unlink()
    whole = measure("tests.bench.build:by_dbt", str(home), [])
    reference = f"by hand {by_hand.seconds:.1f} s, {by_hand.peak_mb:.0f} MB"
    ratio = by_dbt.seconds / by_hand.seconds
    landed = (
        f"landed in {made.seconds:.0f} s, {made.peak_mb:.0f} MB;"
        f" processor time {by_dbt.result['worked']:.1f} s, by hand {by_hand.result['worked']:.1f} s"
    )
    return [
        Row(
            f"build: first, {made.result['events']:,} events", f"{by_dbt.seconds:.1f} s", reference,
            ratio, f"≤ {GOAL}x", ratio <= GOAL, by_dbt.peak_mb, notes=[landed, said(by_dbt)],
        ),
        Row(
            "build: first, all models", f"{whole.seconds:.1f} s", reference,
            whole.seconds / by_hand.seconds, "", None, whole.peak_mb, notes=[said(whole)],
        ),
    ]  # fmt: skip


def said(built: Measured) -> str:
    """Where the time of a build went: before the first node, and the slowest nodes."""
    nodes = sorted(built.result["nodes"].items(), key=lambda node: -node[1])[:DOMINANT]
    slowest = ", ".join(f"{name} {seconds:.1f}" for name, seconds in nodes)
    return f"dbt {built.result['starting']:.1f} s before the first node; {slowest}"


def land(home: str, events: float, days: int) -> dict[str, int]:
    """Child: land the volume; rows by stream."""
    return volume.make(Path(home), round(events), days, SEED).rows


def by_hand(home: str) -> dict[str, float]:
    """Child: the floor, into a file of its own; processor and wall seconds."""
    target = Path(home) / "floor.duckdb"
    worked, started = time.process_time(), time.perf_counter()
    floor.run(Path(home) / "lake", target, volume.landed_at(volume.LAST_DAY), THREADS)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "worked": time.process_time() - worked}


def by_dbt(home: str, models: list[str]) -> dict[str, Any]:
    """Child: a first build from all that is landed, of these models or of the whole stage."""
    settle(Path(home))
    run = begin(volume.landed_at(volume.LAST_DAY), full_refresh=True)
    return timed(run, "transform", narrowed(models) if models else build.plainly)


def settle(home: Path) -> None:
    """Let this whole process work in a home, with no other settings."""
    os.environ |= {"PARLEY_HOME": str(home), "PARLEY_THREADS": str(THREADS)}
    get_settings.cache_clear()


def begin(as_of: datetime, *, full_refresh: bool = False) -> Run:
    """A run that sees what was landed by its clock; dbt is loaded, which is not its time.

    Raises:
        RuntimeError: it would build everything although it was not asked to.
    """
    import dbt.cli.main  # noqa: F401, PLC0415 - the parent process does without

    run = flows.run.begin("triggered", iso_z(as_of), full_refresh=full_refresh)
    if run.full_refresh is not full_refresh:
        message = "the run builds from scratch: it would say nothing about a day"
        raise RuntimeError(message)
    work.take_in(run)
    return run


def narrowed(models: list[str]) -> build.Invoke:
    """How to call dbt for these models and what they stand on, and for nothing else."""

    def invoke(args: list[str], manifest: Manifest) -> None:
        start, end = args.index("--select") + 1, args.index("--exclude-resource-type")
        build.plainly([*args[:start], *(f"+{model}" for model in models), *args[end:]], manifest)

    return invoke


def timed(run: Run, stage: build.Stage, invoke: build.Invoke = build.plainly) -> dict[str, Any]:
    """Build a stage: wall and processor seconds, those before the first node, those of each."""
    batches = runs.batches_of(run.ledger, run.run_id)
    began, started, worked = datetime.now(UTC), time.perf_counter(), time.process_time()
    with patch.object(build, "QUIET", tuple(flag for flag in build.QUIET if flag != NOT_WRITTEN)):
        build.build(run, stage, batches, invoke)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    results = json.loads((run.settings.home / "dbt/target/run_results.json").read_text())["results"]
    first = min(part["started_at"] for node in results for part in node["timing"])
    return {
        "seconds": seconds,
        "worked": worked,
        "starting": (datetime.fromisoformat(first) - began).total_seconds(),
        "nodes": {node["unique_id"].split(".")[2]: node["execution_time"] for node in results},
    }


def check_equal(home: Path) -> None:
    """Raise `RuntimeError` unless Parley's tables hold exactly the floor's rows."""
    with both(home) as connection:
        wrong = [table for table in floor.OUTPUTS if _differs(connection, table)]
    if wrong:
        message = f"Parley's and the floor's rows differ: {', '.join(wrong)}"
        raise RuntimeError(message)


@contextmanager
def both(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both results side by side; views name their own database, so it keeps its file's name."""
    warehouse = Settings(home=home).warehouse_path
    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.execute(f"attach '{warehouse}' as {warehouse.stem} (read_only)")
        connection.execute(f"attach '{home / 'floor.duckdb'}' as by_hand (read_only)")
        yield connection


def _differs(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Compared by columns, their number and the sum of the rows' hashes: no sorting of millions."""
    ours, theirs = (
        (
            connection.execute(f"describe {name}").fetchall(),
            connection.execute(f"select count(*), sum(hash(r)) from {name} as r").fetchone(),
        )
        for name in (f"warehouse.marts.{table}", f"by_hand.main.{table}")
    )
    return [column[:2] for column in ours[0]] != [column[:2] for column in theirs[0]] or (
        ours[1] != theirs[1]
    )


def check_frozen(home: Path) -> None:
    """Raise `RuntimeError` unless the floor gives on the small volume what it was frozen with."""
    found, frozen = frozen_outputs(home), json.loads(FROZEN.read_text(encoding="utf-8"))
    wrong = [table for table in floor.OUTPUTS if found[table] != frozen.get(table)]
    if wrong:
        message = (
            f"the floor is not what was frozen: {', '.join(wrong)}. If a seed was changed on"
            " purpose, freeze it anew: python -m tests.bench.build"
        )
        raise RuntimeError(message)


def frozen_outputs(home: Path) -> dict[str, str]:
    """The SHA-256 of each of the floor's outputs on the small volume, rows as sorted text."""
    land(str(home), *SMALL)
    by_hand(str(home))
    digests = {}
    with duckdb.connect(str(home / "floor.duckdb"), read_only=True) as connection:
        for table in floor.OUTPUTS:
            digest = hashlib.sha256()
            connection.execute(f"select columns(*)::varchar from {table} order by all")
            while found := connection.fetchmany(10_000):
                digest.update("".join(f"{json.dumps(row)}\n" for row in found).encode())
            digests[table] = digest.hexdigest()
    return digests


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        frozen = json.dumps(frozen_outputs(Path(folder)), indent=2)
    FROZEN.write_text(f"{frozen}\n", encoding="utf-8")
