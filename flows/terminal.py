"""How Parley looks in a terminal: progress, tables, sentences."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table

from flows.summary import VERDICTS, age, because, emission, shadow, totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import JustifyMethod

    from connectors.core.plan import FunnelRow
    from flows.pipeline import Outcome

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)
STYLES = {"send": "green", "hold": "cyan", "defer": "yellow", "drop": "red"}


class Steps:
    """A line for each step of a run: what it is doing, how far, how long."""

    def __init__(self) -> None:
        """Draw on the console; where it is no terminal, print a line as each step ends."""
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<28}"),
            TextColumn("[dim]{task.fields[note]:<34}"),
            Elapsed(),
            console=console,
        )

    def __enter__(self) -> Self:
        """Start drawing."""
        if console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing; the lines stay."""
        self._progress.stop()

    @contextmanager
    def __call__(self, step: str) -> Iterator[Callable[[str, int], None]]:
        """Show a step; what it yields is told of progress: a name or 'rows', and how many."""
        task = self._progress.add_task(step, total=None, note="")
        seen = 0

        def told(what: str, count: int) -> None:
            nonlocal seen
            seen += count
            note = f"{seen:,} rows" if what == "rows" else f"{seen} · {what}"
            self._progress.update(task, note=note[:34])

        yield told
        # Finished, so that the clock stops and the spinner becomes a tick.
        self._progress.update(task, total=1, completed=1)
        if not console.is_terminal:
            elapsed = self._progress.tasks[task].elapsed or 0.0
            console.print(f"✓ {step:<28} {elapsed:6.1f} s")


@contextmanager
def bar(what: str) -> Iterator[Callable[[str, float], None]]:
    """A bar for work that knows its share; it is told the step and the share, 0 to 1."""
    columns = (TextColumn("{task.description:<40}"), BarColumn(), Elapsed())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=1.0)
        yield lambda step, share: progress.update(task, description=step, completed=share)


def table(title: str, *columns: str) -> Table:
    """An empty table; a column whose name ends in '#' holds numbers, the first is never cut."""
    made = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None
    )
    for name in columns:
        is_number = name.endswith("#")
        is_whole = is_number or name == columns[0]
        justify: JustifyMethod = "right" if is_number else "left"
        made.add_column(name.rstrip("#"), justify=justify, no_wrap=is_whole)
    return made


def show_plan(funnel: Sequence[FunnelRow]) -> None:
    """The funnel: verdicts by programme, then why."""
    plan = table("The plan", "programme", "candidates#", *(f"{name}#" for name in VERDICTS))
    for programme, line in totals(funnel).items():
        plan.add_row(programme, *(f"{line[name]:,}" for name in ("candidates", *VERDICTS)))
    console.print(plan)
    console.print()
    why = table("Why", "programme", "verdict", "because", "people#")
    for row in funnel:
        verdict = f"[{STYLES[row.verdict]}]{row.verdict}[/]"
        why.add_row(row.programme, verdict, because(row), f"{row.people:,}")
    console.print(why)


def show_outcome(outcome: Outcome) -> None:
    """What left, and how many rows the tables have."""
    console.print()
    for name, result in outcome.emitted.items():
        console.print(f"[bold]Sent ({name})[/]: {emission(result)}")
    if outcome.run.is_shadow:
        console.print(f"[bold]Sent[/]: {shadow(outcome)}")
    if outcome.ages:
        console.print(age(outcome.ages))
    for notice in outcome.notices:
        console.print(f"[yellow]Kept back[/]: {escape(notice)}", soft_wrap=True)
    landed = sum(outcome.landed.values())
    console.print(f"[bold]Landed[/]: {landed:,} new records · [bold]run[/] {outcome.run.run_id}")


def show_rows(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Rows as they are; numbers right-aligned."""
    if not rows:
        return
    numeric = {name for name, value in rows[0].items() if isinstance(value, int | float)}
    made = table(title, *(f"{name}#" if name in numeric else name for name in rows[0]))
    for row in rows:
        made.add_row(*(f"{v:,}" if isinstance(v, int) else str(v) for v in row.values()))
    console.print(made)
