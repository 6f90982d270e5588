"""The funnel gate by gate, and what changed since the run before: as Markdown and in a terminal."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from connectors.core import plan_changes, snapshot
from connectors.ledger import runs
from flows import refusals
from flows.terminal import console, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from connectors.core.plan_changes import Change, GateRow
    from flows.run import Run

    Refused = Mapping[str, Mapping[str, int]]

BAR = 24
# A chart in plain text: it shows wherever the table does, and in a history of tables too.
FULL, REST = "▇", "·"
START = "candidates"


def bar(part: int, whole: int, width: int = BAR) -> str:
    """A bar of a fixed width; what is there at all is never drawn as nothing."""
    length = round(width * part / whole) if whole else 0
    return (FULL * max(length, bool(part))).ljust(width, REST)


def markdown(rows: Sequence[GateRow], refused: Refused = refusals.NONE) -> list[str]:
    """The funnel as lines of Markdown: a table with a chart for each programme.

    `refused`: what the ledger then refused of a programme, by reason.
    """
    lines = []
    for programme, gates in _programmes(rows):
        lines += [f"### {programme}", "", *_chart(gates), ""]
        told = [f"- {line}" for line in refusals.lines(refused.get(programme, {}))]
        lines += [*told, ""] if told else []
    return lines or ["Nobody was a candidate."]


def _chart(gates: Sequence[GateRow]) -> Iterator[str]:
    """A programme's funnel; gates that stopped nobody are left out."""
    yield "| after | left | | dropped | waiting | held |"
    yield "|---|--:|---|--:|--:|--:|"
    for row in _telling(gates):
        counts = " | ".join(f"{count:,}" if count else "" for count in _stopped(row))
        chart = bar(row.left, gates[0].left)
        yield f"| {_name(row)} | {row.left:,} | `{chart}` | {counts} |"


def show(rows: Sequence[GateRow], refused: Refused = refusals.NONE) -> None:
    """Print the funnel of each programme, and what the ledger then refused, by reason."""
    for programme, gates in _programmes(rows):
        columns = ("after", "left#", "chart", "dropped#", "waiting#", "held#")
        made = table(f"Gate by gate: {programme}", *columns)
        for row in _telling(gates):
            counts = (f"{count:,}" if count else "" for count in _stopped(row))
            made.add_row(_name(row), f"{row.left:,}", bar(row.left, gates[0].left), *counts)
        console.print(made)
        for line in refusals.lines(refused.get(programme, {})):
            console.print(f"  {line}", soft_wrap=True)


def since(run: Run) -> tuple[runs.Run, Path] | None:
    """The run of the same kind before this one, and its plan; None where there is none any more.

    A shadow is compared with what really ran.
    """
    started = runs.get(run.ledger, run.run_id).started_at
    # Rows name their kind as text; that of a run is one that can be asked for.
    kinds: dict[str, runs.Kind] = {"daily": "daily", "triggered": "triggered", "mass": "mass"}
    before = runs.last_completed(run.ledger, kinds[run.kind], before=started)
    folder = run.settings.runs_dir / before.run_id if before else None
    if before is None or folder is None or not snapshot.is_whole(folder):
        return None
    return before, folder


def changed(run: Run) -> list[str]:
    """What changed since the run before, as lines of Markdown."""
    found = since(run)
    if found is None:
        return [f"There is no {run.kind} run before this one to compare with."]
    before, folder = found
    changes = plan_changes.changes(folder, run.snapshot_dir)
    lines = [f"Compared with `{before.run_id}`.", ""]
    lines.append("| programme | candidates | before | to send | before | people who are new |")
    lines.append("|---|--:|--:|--:|--:|--:|")
    return [*lines, *map(_change, changes)]


def _change(each: Change) -> str:
    numbers = (
        each.candidates_after, each.candidates_before, each.sends_after, each.sends_before,
        len(each.gained),
    )  # fmt: skip
    return f"| {each.programme} | " + " | ".join(f"{number:,}" for number in numbers) + " |"


def _programmes(rows: Iterable[GateRow]) -> Iterator[tuple[str, list[GateRow]]]:
    for programme, gates in groupby(rows, key=attrgetter("programme")):
        yield programme, list(gates)


def _telling(gates: Sequence[GateRow]) -> list[GateRow]:
    """The start, every gate that stopped somebody, and the last one."""
    return [row for row in gates if row.gate == START or any(_stopped(row)) or row is gates[-1]]


def _stopped(row: GateRow) -> tuple[int, int, int]:
    return row.dropped, row.deferred, row.held


def _name(row: GateRow) -> str:
    return row.gate if row.gate == START else f"{row.gate_no} {row.gate}"
