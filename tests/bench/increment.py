"""One more day on histories of 30, 100 and 300 days: what a run costs beyond a run with no news.

Each history gets equally many events a day. A day's run and a run with nothing new alternate, in
one process; the medians' difference is what the day cost. What a model cost is DuckDB's own count
of processor time, and of the rows that its scans read, over every statement that dbt ran for it:
how long dbt took for a model says as much about those that were built beside it.
"""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from connectors.ledger import runs
from tests.bench import volume
from tests.bench.build import begin, settle, timed
from tests.bench.report import Row, measure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.bench.report import Measured

HISTORIES = (30, 100, 300)
# The longest history holds a million events, as the build does.
EVENTS_A_DAY = 3_333
NEW_DAYS = 3
EVENT_GRAINED = (
    "stg_segment__events", "stg_segment__choices", "int_web_events", "int_identity_sightings",
    "int_web_zones", "int_day_choices", "web_events", "sessions",
)  # fmt: skip
SIGNALS = ("int_signal_days", "int_signal_changes", "int_signal_state")
GOAL_EVENT_GRAINED, GOAL_SIGNALS, GOAL_WHOLE = 1.15, 1.15, 1.5
WHAT = {
    "event_grained": "event-grained models",
    "signals": "signals and their sums",
    "whole": "transform and decide",
}
DOMINANT = 6
NODE = re.compile(r'"node_id": "\w+\.\w+\.(\w+)')
PROFILED = """
    set enable_profiling = 'no_output';
    set custom_profiling_settings = '{"CUMULATIVE_ROWS_SCANNED": "true", "CPU_TIME": "true"}'
"""


def rows(scale: float, home: Path) -> list[Row]:
    """Land and build each history, add days to it, and compare the longer with the shortest."""
    events = round(EVENTS_A_DAY * scale)
    measured = {days: _measured(home / f"{days}_days", days, events) for days in HISTORIES}
    notes = [_said(days, events, measured[days]) for days in HISTORIES]
    longer = HISTORIES[1:]
    return [
        *(_row(measured, days, "event_grained", GOAL_EVENT_GRAINED) for days in longer),
        *(_row(measured, days, "signals", GOAL_SIGNALS) for days in longer),
        *(_row(measured, days, "whole", GOAL_WHOLE) for days in longer),
        _rows_scanned(measured, notes),
    ]


def _row(measured: dict[int, Measured], days: int, key: str, goal: float) -> Row:
    """A history against the shortest; only the longest is judged."""
    ours, shortest = measured[days].result[key], measured[HISTORIES[0]].result[key]
    ratio, is_judged = ours / shortest, days == HISTORIES[-1]
    return Row(
        f"increment: {WHAT[key]}, {days} days", f"{ours:.2f} s",
        f"{HISTORIES[0]} days {shortest:.2f} s", ratio,
        f"≤ {goal}x" if is_judged else "", ratio <= goal if is_judged else None,
        measured[days].peak_mb,
    )  # fmt: skip


def _measured(home: Path, days: int, events: int) -> Measured:
    everything = days + NEW_DAYS
    measure("tests.bench.build:land", str(home), events * everything, everything)
    return measure("tests.bench.increment:history", str(home))


def _rows_scanned(measured: dict[int, Measured], notes: list[str]) -> Row:
    shortest, longest = (
        sum(measured[days].result["scanned"].values()) for days in (HISTORIES[0], HISTORIES[-1])
    )
    return Row(
        f"increment: rows scanned, event-grained models, {HISTORIES[-1]} days", f"{longest:,}",
        f"{HISTORIES[0]} days {shortest:,}", longest / shortest, "", None, notes=notes,
    )  # fmt: skip


def _said(days: int, events: int, measured: Measured) -> str:
    result = measured.result
    scanned = ", ".join(f"{name} {count:,}" for name, count in result["scanned"].items())
    cost = sorted(result["worked"].items(), key=lambda node: -node[1])[:DOMINANT]
    return (
        f"{days} days of {events:,} events: first build {result['built']:.0f} s;"
        f" with a day {result['with_day']:.1f} s, without {result['without']:.1f} s;"
        f" rows scanned for the day: {scanned};"
        f" it costs most in {', '.join(f'{name} {seconds:.2f}' for name, seconds in cost)}"
    )


def history(home: str) -> dict[str, Any]:
    """Child: build all but the newest days, then take turns: a new day, a run without news.

    Times are seconds: of all together by the clock, of models of the processor. What no key calls
    `with_day` or `without` is net of the run without news.
    """
    settle(Path(home))
    newest = [volume.LAST_DAY - timedelta(days=ago) for ago in reversed(range(NEW_DAYS))]
    built = _run(volume.landed_at(newest[0] - timedelta(days=1)), full_refresh=True)
    days, empty = [], []
    for day in newest:
        days.append(_run(volume.landed_at(day)))
        empty.append(_run(volume.landed_at(day) + timedelta(hours=1)))
    with_day, without = _medians(days), _medians(empty)
    # A run without news has nothing to stage.
    net = {key: with_day[key] - without.get(key, 0) for key in with_day}
    return {
        "built": built["seconds"],
        "with_day": with_day["seconds"],
        "without": without["seconds"],
        "whole": net["seconds"],
        "event_grained": sum(net[f"worked {name}"] for name in EVENT_GRAINED),
        "signals": sum(net[f"worked {name}"] for name in SIGNALS),
        "scanned": {name: round(net[f"scanned {name}"]) for name in EVENT_GRAINED},
        "worked": {
            key.split()[1]: value for key, value in net.items() if key.startswith("worked ")
        },
    }


def _medians(measured: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run.get(key, 0) for run in measured) for key in measured[0]}


def _run(as_of: datetime, *, full_refresh: bool = False) -> dict[str, float]:
    """Transform and decide: "seconds" of both, "worked …" seconds and "scanned …" rows of each."""
    run = begin(as_of, full_refresh=full_refresh)
    with counted() as (scanned, worked):
        stages = [timed(run, "transform"), timed(run, "decide")]
    runs.finish(run.ledger, run.run_id, "completed")
    names = {name for stage in stages for name in stage["nodes"]}
    return {
        "seconds": sum(stage["seconds"] for stage in stages),
        **{f"worked {name}": worked[name] for name in names},
        **{f"scanned {name}": scanned[name] for name in names},
    }


@contextmanager
def counted() -> Iterator[tuple[Counter[str], Counter[str]]]:
    """Count rows that scans read, and seconds, by the model that dbt names in each statement.

    The engine's own profile is asked for, and nothing in the project has to know.
    """
    from dbt.adapters.duckdb.environments import local  # noqa: PLC0415 - takes seconds

    scanned: Counter[str] = Counter()
    worked: Counter[str] = Counter()

    class Profiled(local.DuckDBCursorWrapper):
        def __init__(self, cursor: Any) -> None:
            super().__init__(cursor)
            cursor.execute(PROFILED)
            self._node: str | None = None

        def execute(self, sql: str, bindings: Any = None) -> Any:
            self._count()
            found = NODE.search(sql)
            self._node = found[1] if found else None
            return super().execute(sql, bindings)

        def close(self) -> None:
            self._count()
            self._cursor.close()

        def _count(self) -> None:
            """What the last statement read: a query's profile is whole when it was fetched."""
            if self._node:
                profile = json.loads(self._cursor.get_profiling_information())
                scanned[self._node] += profile.get("cumulative_rows_scanned", 0)
                worked[self._node] += profile.get("cpu_time", 0)

    with patch.object(local, "DuckDBCursorWrapper", Profiled):
        yield scanned, worked
