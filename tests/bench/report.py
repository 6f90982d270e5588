"""What a benchmark says: rows of ratios measured in one run, each against its own goal."""

from __future__ import annotations

import importlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

SEED = 20111206
ENGINES = ("duckdb", "dbt-core", "dbt-duckdb", "prefect", "pyarrow", "dlt")
HEADINGS = ("what", "Parley", "against", "ratio", "goal", "met", "peak MB")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    `ratio` is `value` over `reference` (both measured in this run) unless the goal is absolute;
    then it is None and `value` itself is judged. `goal` is text for people, `met` the judgement,
    None where the row is for information only.
    """

    what: str
    value: str
    reference: str
    ratio: float | None
    goal: str
    met: bool | None
    peak_mb: float | None = None
    notes: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Measured:
    """One child process: wall seconds of the call itself, peak resident MB, what it returned."""

    seconds: float
    peak_mb: float
    result: Any


def measure(target: str, *args: object, env: dict[str, str] | None = None) -> Measured:
    """Call `module:function(*args)` in a fresh process and measure it.

    The arguments and the result travel as JSON. The time is that of the call alone: importing the
    module comes before it. What the call imports late is part of its time. If the result is an
    object with a "seconds" key, that is taken for the time instead.
    """
    command = [sys.executable, "-m", "tests.bench.report", target, json.dumps(args)]
    # Not in ROOT: its .env is for the Parley of whoever works there.
    own = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{target} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        raise RuntimeError(message)
    said = json.loads(done.stdout.splitlines()[-1])
    return Measured(said["seconds"], said["peak_mb"], said["result"])


def facts(scale: float) -> dict[str, str]:
    """What the figures depend on besides the code."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "scale": f"{scale:g}",
        "seed": str(SEED),
        "commit": _commit(),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.1f} GB",
        "Python": platform.python_version(),
        **{name: _version(name) for name in ENGINES},
    }


def as_table(rows: Sequence[Row]) -> Table:
    """The table for a terminal."""
    # Late: this module is also imported by what is measured.
    from rich.table import Table  # noqa: PLC0415

    table = Table(*HEADINGS, title="make bench")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def as_markdown(rows: Sequence[Row], known: Mapping[str, str]) -> str:
    """The report: the table, its notes, and what the figures depend on."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *map(_cells, rows)]
    table = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    notes = [f"- {row.what}: {note}" for row in rows for note in row.notes]
    machine = [f"- {name}: {value}" for name, value in known.items()]
    parts = [["# Benchmark"], table, notes, machine]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _cells(row: Row) -> list[str]:
    return [
        row.what,
        row.value,
        row.reference,
        "" if row.ratio is None else f"{row.ratio:.2f}",
        row.goal,
        {True: "yes", False: "MISSED", None: ""}[row.met],
        "" if row.peak_mb is None else f"{row.peak_mb:.0f}",
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = " with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return f"{git('rev-parse', '--short', 'HEAD') or 'unknown'}{changed}"


def _child(target: str, args: list[Any]) -> None:
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)
    started = time.perf_counter()
    result = function(*args)
    seconds = time.perf_counter() - started
    if isinstance(result, dict) and "seconds" in result:
        seconds = result["seconds"]
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "result": result}))


def peak_mb() -> float:
    """The most memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: there a process starts with what its parent held when it was forked.
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    _child(sys.argv[1], json.loads(sys.argv[2]))
