"""What `make quality` says: figures of this run beside a reference, each against its own goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

ROOT = Path(__file__).parents[2]
HEADINGS = ("what", "this run", "reference", "goal", "met")


@dataclass(frozen=True)
class Row:
    """One line of the table; `met` is None where it is for information only."""

    what: str
    value: str
    reference: str = ""
    goal: str = ""
    met: bool | None = None
    notes: Sequence[str] = field(default_factory=tuple)


def as_table(rows: Sequence[Row]) -> Table:
    """The rows for a terminal."""
    from rich.table import Table  # noqa: PLC0415 - only for people

    table = Table(*HEADINGS)
    for row in rows:
        table.add_row(*_cells(row))
    return table


def as_markdown(rows: Sequence[Row]) -> str:
    """The rows as a report, with their notes below."""
    lines = ["# Quality", "", _line(HEADINGS), _line(["---"] * len(HEADINGS))]
    lines += [_line(_cells(row)) for row in rows]
    for row in rows:
        lines += ["", f"**{row.what}**", "", *(f"- {note}" for note in row.notes)] * bool(row.notes)
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: ""}[row.met]
    return (row.what, row.value, row.reference, row.goal, met)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
