"""What `make quality` says: figures of this run beside a reference, each against its own goal."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

ROOT = Path(__file__).parents[2]
HEADINGS = ("what", "this run", "reference", "ceiling", "goal", "met")
# A linear score that SQL can make should hold so much of what a booster reaches.
SHARE = 0.99


@dataclass(frozen=True)
class Row:
    """One line of the table; `met` is None where it is for information only.

    `ceiling` is what LightGBM reaches in the same run. `plots` are image files.
    """

    what: str
    value: str
    reference: str = ""
    goal: str = ""
    met: bool | None = None
    notes: Sequence[str] = field(default_factory=tuple)
    ceiling: str = ""
    plots: Sequence[Path] = field(default_factory=tuple)


@dataclass(frozen=True)
class Goal:
    """The least (or most) that a figure has to be, and what others reach; no value, no goal.

    `share`: of the ceiling it must reach so much.
    """

    value: float | None = None
    reference: str = ""
    at_most: bool = False
    share: float | None = SHARE


def number(value: float) -> str:
    """A figure as the table shows it: .8276."""
    return "n/a" if math.isnan(value) else f"{value:.4f}".removeprefix("0")


def judged(
    what: str,
    value: float,
    goal: Goal,
    ceiling: float = math.nan,
    notes: Sequence[str] = (),
    plots: Sequence[Path] = (),
) -> Row:
    """A figure against its goal, and against a ceiling where there is one."""
    share = value / ceiling if ceiling and not math.isnan(ceiling) else math.nan
    top = "" if math.isnan(share) else f"{number(ceiling)} ({share:.1%} of it)"
    if goal.value is None and (not goal.reference or math.isnan(share)):
        return Row(what, number(value), goal.reference, "", None, notes, top, plots)
    asked, met = [], True
    if goal.value is not None:
        asked.append(f"{'≤' if goal.at_most else '≥'} {number(goal.value)}")
        met = value <= goal.value if goal.at_most else value >= goal.value
    if not math.isnan(share) and goal.share:
        asked.append(f"≥ {goal.share:.0%} of the ceiling")
        met = met and share >= goal.share
    return Row(what, number(value), goal.reference, ", ".join(asked), met, notes, top, plots)


def as_table(rows: Sequence[Row]) -> Table:
    """The rows for a terminal."""
    from rich.table import Table  # noqa: PLC0415 - only for people

    table = Table(*HEADINGS)
    for row in rows:
        table.add_row(*_cells(row))
    return table


def write(rows: Sequence[Row], report: Path) -> None:
    """Write the report, with its plots beside it."""
    report.parent.mkdir(parents=True, exist_ok=True)
    for plot in (plot for row in rows for plot in row.plots):
        shutil.copy(plot, report.parent / plot.name)
    report.write_text(as_markdown(rows), encoding="utf-8")


def as_markdown(rows: Sequence[Row]) -> str:
    """The rows as a report, with their notes and plots below."""
    lines = ["# Quality", "", _line(HEADINGS), _line(["---"] * len(HEADINGS))]
    lines += [_line(_cells(row)) for row in rows]
    for row in rows:
        if row.notes or row.plots:
            lines += ["", f"**{row.what}**", "", *(f"- {note}" for note in row.notes)]
            lines += [f"\n![{plot.stem}]({plot.name})" for plot in row.plots]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: ""}[row.met]
    return (row.what, row.value, row.reference, row.ceiling, row.goal, met)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
