"""How fast a ledger on PostgreSQL is, in how much memory, and how long claims take in a big one.

A real server from a wheel, on this machine. The plan is the one of `emit`; the destination accepts
at once and does nothing, so that what is measured is the ledger: reserve, claim, record.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq

from connectors.core.delivery import Outcome, OutMessage
from connectors.ledger.db import open_ledger
from connectors.ledger.emission import handover
from connectors.ledger.emission.audience import LEDGER_COLUMNS
from connectors.ledger.emission.outbox import emit
from tests.bench.emit import CHUNK_ROWS, RUN
from tests.bench.report import Measured, Row, measure
from tests.shop.postgres import Postgres, running

# Fewer would not fill what is held at a time.
RECIPIENTS = (30_000, 300_000)
RATE_GOAL = 3_000  # messages a second
MEMORY_RATIO_GOAL = 1.2
OUTBOX_ROWS = 500_000
CLAIMS, CLAIM_SIZE = 200, 500  # batches that are timed, and the size of a mail vendor's
CLAIM_GOAL_MS = 50.0
LOAD = f"insert into plain ({', '.join(LEDGER_COLUMNS)}) values ({', '.join(['%s'] * 13)})"


class Enough(Exception):
    """As many batches as are timed have left."""


class Accepting:
    """Takes everything and keeps nothing."""

    name = "file"
    idempotent = True
    batch_size = CLAIM_SIZE

    def deliver(self, _batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        return [Outcome(each.message_key, "accepted") for each in messages]

    def lookup(self, _batch_id: str) -> list[Outcome]:
        return []


def rows(scale: float, home: Path) -> list[Row]:
    """Emit to PostgreSQL, then time claims on both databases; fewer for a scale below 1."""
    few, many, outbox = (
        max(1_000, int(number * min(scale, 1.0))) for number in (*RECIPIENTS, OUTBOX_ROWS)
    )
    with _server() as server:
        small = _emitted(server, home / "few", few)
        large = _emitted(server, home / "many", many)
        floor = measure("tests.bench.ledger_rows:write_plainly", _url(server), str(home / "many"))
        measure("tests.bench.emit:make_snapshot", str(home / "outbox"), outbox)
        urls = {"SQLite": f"sqlite:///{home}/outbox/ledger.db", "PostgreSQL": _url(server)}
        claims = {
            name: measure("tests.bench.ledger_rows:time_claims", url, str(home / "outbox"))
            for name, url in urls.items()
        }
    for folder in ("few", "many", "outbox"):
        shutil.rmtree(home / folder)
    return [*_emission(many, small, large, floor), *_claims(outbox, claims)]


def _emission(many: int, small: Measured, large: Measured, floor: Measured) -> list[Row]:
    rate, plain = many / large.seconds, many / floor.seconds
    grown = large.peak_mb / small.peak_mb
    return [
        Row(
            "ledger on PostgreSQL: reserved and recorded per second",
            f"{rate:,.0f}/s",
            f"{plain:,.0f}/s: the same rows put into a bare table of that server",
            rate / plain,
            f">= {RATE_GOAL:,}/s",
            rate >= RATE_GOAL,
            large.peak_mb,
            (f"{many:,} messages in {large.seconds:.1f} s, in batches of {CLAIM_SIZE:,}",),
        ),
        Row(
            "ledger on PostgreSQL: memory at 10 times the messages",
            f"{large.peak_mb:.0f} MB",
            f"{small.peak_mb:.0f} MB",
            grown,
            f"<= {MEMORY_RATIO_GOAL}",
            grown <= MEMORY_RATIO_GOAL,
            large.peak_mb,
        ),
    ]


def _claims(outbox: int, claims: dict[str, Measured]) -> Iterator[Row]:
    for name, measured in claims.items():
        half, most = measured.result["p50_ms"], measured.result["p95_ms"]
        yield Row(
            f"claim at {outbox:,} waiting messages, p95, {name}",
            f"{most:.1f} ms",
            f"{half:.1f} ms: half of them",
            None,
            f"< {CLAIM_GOAL_MS:.0f} ms",
            most < CLAIM_GOAL_MS,
            measured.peak_mb,
            (f"{measured.result['claims']} claims of {CLAIM_SIZE} messages each",),
        )


@contextlib.contextmanager
def _server() -> Iterator[Postgres]:
    # Not at home: the server's own user has to get there.
    folder = Path(tempfile.mkdtemp(prefix="parley-bench-"))
    try:
        with running(folder / "postgres") as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _url(server: Postgres) -> str:
    return server.database().replace("://", "+psycopg://", 1)


def _emitted(server: Postgres, home: Path, recipients: int) -> Measured:
    measure("tests.bench.emit:make_snapshot", str(home), recipients)
    done = measure("tests.bench.ledger_rows:emit_plan", _url(server), str(home))
    if done.result["accepted"] != recipients:
        message = f"{done.result} is not {recipients} accepted messages"
        raise RuntimeError(message)
    return done


def emit_plan(url: str, home: str) -> dict[str, Any]:
    """Emit the plan at home; the seconds are those of `emit` alone."""
    ledger = open_ledger(url)
    destinations = {"file": Accepting()}
    started = time.perf_counter()
    result = emit(ledger, Path(home) / "runs" / RUN, RUN, "mass", destinations)
    return {"seconds": time.perf_counter() - started, "accepted": result.accepted}


def time_claims(url: str, home: str) -> dict[str, Any]:
    """Reserve the whole plan, then time the claims of its first batches, in milliseconds."""
    ledger, claim, took = open_ledger(url), handover.claim_batch, []

    def timed(*given: Any) -> Any:
        if len(took) == CLAIMS:
            raise Enough
        started = time.perf_counter()
        batch = claim(*given)
        took.append(1_000 * (time.perf_counter() - started))
        return batch

    handover.claim_batch = timed
    destinations = {"file": Accepting()}
    with contextlib.suppress(Enough):
        emit(ledger, Path(home) / "runs" / RUN, RUN, "mass", destinations)
    took.sort()
    half, most = (took[int(len(took) * share)] for share in (0.5, 0.95))
    return {"p50_ms": half, "p95_ms": most, "claims": len(took)}


def write_plainly(url: str, home: str) -> None:
    """Put the plan's rows into a table without index, state or protocol, in one transaction."""
    source = Path(home) / "runs" / RUN / "audience_mass.parquet"
    names = list(LEDGER_COLUMNS)
    with psycopg.connect(url.replace("+psycopg", "")) as target, target.cursor() as cursor:
        cursor.execute(f"create table plain ({', '.join(f'{name} text' for name in names)})")
        with pq.ParquetFile(source) as file:
            for chunk in file.iter_batches(CHUNK_ROWS, columns=names):
                columns = (chunk.column(name).cast("string").to_pylist() for name in names)
                cursor.executemany(LOAD, list(zip(*columns, strict=True)))
