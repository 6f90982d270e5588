"""How fast a mass plan leaves, and in how much memory: 1 M recipients to the file destination.

The plan is made up in the shape that a run publishes. It is emitted by the function that a run
uses, into a new SQLite ledger, in a process of its own.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from connectors.core.snapshot import flush
from connectors.destinations.file import FileDestination
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.outbox import emit
from tests.bench.report import Measured, Row, measure

RECIPIENTS = (100_000, 1_000_000)
RUN = "bench"
MEMORY = "1GB"
CHUNK_ROWS = 20_000
RATE_GOAL = 20_000  # messages a second
MEMORY_RATIO_GOAL, PEAK_MB_GOAL = 1.2, 600.0
# One mass campaign, one person a message, everybody allowed; the keys are hashes, as dbt makes
# them, and the rows are in their order, as a snapshot has them.
PLAN = """
select
    md5('message ' || n) as message_key,
    'a.reader' || n || '@example.com' as address,
    md5('address ' || n) as address_node,
    md5('person ' || n) as person_id,
    'new_collection_by_affinity' as programme,
    'winter_2011' as campaign_id,
    'winter_2011' as occasion,
    1::integer as step,
    case when n % 2 = 0 then 'a' else 'b' end as variant,
    'email' as channel,
    'marketing' as purpose,
    'mass' as kind,
    'file' as destination,
    'send' as verdict,
    timestamp '2011-12-05 11:05:00' as send_after,
    '{"subject":"New in for winter","fact":"You have bought from our range ' || n % 40
        || ' before.","items":"Lunch Bag Red Vintage Doily, Classic Bicycle Clips"}' as content,
    '{"category":"range_' || n % 40 || '","affinity":0.333333,"basis":"did","arrivals":2}'
        as evidence,
    timestamp '2011-12-05 11:05:00' as planned_as_of
from range($recipients) as numbers(n)
"""
POLICY = """
select * from (values
    ('contact_window', 'email', 'any', 16, 1, false, null),
    ('per_day', 'email', 'any', 24, 1, true, null),
    ('per_week', 'email', 'any', 168, 3, false, null),
    ('mass_per_week', 'email', 'mass', 168, 2, false, null),
    ('calls', 'call', 'any', 720, 1, false, null),
    ('global_holdout', 'any', 'any', null, null, false, 5)
) as policy (rule, channel, kind, window_hours, max_messages, calendar_day, percent)
"""
SHOWN = "message_key, address, person_id, programme, campaign_id, step, variant, channel, content"


def rows(scale: float, home: Path) -> list[Row]:
    """Emit 100,000 and 1,000,000 recipients (fewer for a scale below 1) and judge the goals."""
    few, many = (max(1, int(number * min(scale, 1.0))) for number in RECIPIENTS)
    small, large = _emitted(home / "emit_few", few), _emitted(home / "emit_many", many)
    floor = measure("tests.bench.emit:write_plainly", str(home / "emit_many"))
    shutil.rmtree(home / "emit_few")
    shutil.rmtree(home / "emit_many")
    rate, plain = many / large.seconds, many / floor.seconds
    grown = large.peak_mb / small.peak_mb
    return [
        Row(
            "emit: messages per second",
            f"{rate:,.0f}/s",
            f"{plain:,.0f}/s: DuckDB's CSV of the same rows, and the same rows put into a SQLite"
            " table without index, state or protocol",
            rate / plain,
            f">= {RATE_GOAL:,}/s",
            rate >= RATE_GOAL,
            large.peak_mb,
            (f"{many:,} recipients in {large.seconds:.1f} s, in batches of 10,000",),
        ),
        Row(
            "emit: memory at 10 times the recipients",
            f"{large.peak_mb:.0f} MB at {many:,}",
            f"{small.peak_mb:.0f} MB at {few:,}",
            grown,
            f"<= {MEMORY_RATIO_GOAL}",
            grown <= MEMORY_RATIO_GOAL,
            large.peak_mb,
        ),
        Row(
            "emit: peak memory",
            f"{large.peak_mb:.0f} MB",
            f"{floor.peak_mb:.0f} MB: the plain writing above",
            None,
            f"<= {PEAK_MB_GOAL:.0f} MB",
            large.peak_mb <= PEAK_MB_GOAL,
            large.peak_mb,
        ),
    ]


def _emitted(home: Path, recipients: int) -> Measured:
    shutil.rmtree(home, ignore_errors=True)
    measure("tests.bench.emit:make_snapshot", str(home), recipients)
    done = measure("tests.bench.emit:emit_snapshot", str(home))
    if done.result["accepted"] != recipients:
        message = f"{done.result} is not {recipients} accepted messages"
        raise RuntimeError(message)
    return done


def make_snapshot(home: str, recipients: int, destination: str = "file") -> None:
    """Write the audience and the policy of a run to `<home>/runs/bench`, as a snapshot holds them.

    Bounded memory: DuckDB sorts on the disk beyond its limit.
    """
    folder = Path(home) / "runs" / RUN
    folder.mkdir(parents=True)
    plan = PLAN.replace("$recipients", str(recipients)).replace("'file'", f"'{destination}'")
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": home}) as connection:
        for name, query in (
            ("audience_mass", plan),
            ("contact_policy", POLICY),
        ):
            target = str(folder / f"{name}.parquet")
            connection.sql(query).order("all").write_parquet(target, compression="zstd")


def emit_snapshot(home: str) -> dict[str, Any]:
    """Emit what `make_snapshot` left, as a run does; the seconds are those of `emit` alone."""
    place = Path(home)
    ledger = open_ledger(f"sqlite:///{place}/ledger.db")
    destinations = {"file": FileDestination(place / "out" / "file")}
    started = time.perf_counter()
    result = emit(ledger, place / "runs" / RUN, RUN, "mass", destinations)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "accepted": result.accepted}


def write_plainly(home: str) -> None:
    """Leave the same facts behind with the least work: a CSV, and the rows in a bare table."""
    place = Path(home)
    source = place / "runs" / RUN / "audience_mass.parquet"
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": home}) as connection:
        shown = connection.read_parquet(str(source)).project(SHOWN)
        shown.write_csv(str(place / "plain.csv"), quoting="all")
    flush(place / "plain.csv")
    names = [name for name in pq.read_schema(source).names if name not in {"content", "evidence"}]
    target = sqlite3.connect(place / "plain.db")
    target.execute(f"create table messages ({', '.join(names)})")
    marks = ", ".join("?" * len(names))
    with target, pq.ParquetFile(source) as file:
        for chunk in file.iter_batches(CHUNK_ROWS, columns=names):
            columns = (chunk.column(name).cast("string").to_pylist() for name in names)
            target.executemany(f"insert into messages values ({marks})", zip(*columns, strict=True))
    target.close()
