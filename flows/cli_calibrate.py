"""The command `parley calibrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from connectors.core.settings import get_settings
from flows import terminal

if TYPE_CHECKING:
    from flows.calibrate import Result

STYLES = {"accepted": "green", "refused": "yellow", "too little": "dim"}


def calibrate(
    goal: Annotated[str, typer.Option(help="One goal; default all that are fitted.")] = "",
    as_of: Annotated[
        str | None, typer.Option(help="The clock, ISO 8601 in UTC; default now.")
    ] = None,
) -> None:
    """Fit the weights of signals to your shop; worse ones do not replace those in force."""
    from connectors.core.warehouse import writer_slot  # noqa: PLC0415
    from flows import build, calibrate  # noqa: PLC0415 - each command loads only what it needs
    from flows.calibration import report  # noqa: PLC0415
    from flows.pipeline import SLOT_SECONDS  # noqa: PLC0415

    settings = get_settings()
    with terminal.Steps() as told:
        with told("look at the past"), writer_slot(settings, SLOT_SECONDS):
            tasks, at = calibrate.look(settings, goal, as_of, build.plainly)
        results = []
        for task in tasks:
            with told(f"fit {task.goal.name}"):
                results.append(calibrate.settle(settings, task, at))
    for result in results:
        _show(result)
        page = report.write(settings, result, at)
        terminal.console.print(f"[dim]{escape(str(page))}[/]\n", soft_wrap=True)


def _show(result: Result) -> None:
    from flows.calibration import report  # noqa: PLC0415

    said = f"[bold]{result.goal}[/] [{STYLES[result.verdict]}]{result.verdict}[/]: {result.why}"
    terminal.console.print(said, soft_wrap=True)
    terminal.console.print(f"in force: {result.in_force or 'none'}", soft_wrap=True)
    if result.new and result.now:
        made = terminal.table("", "on windows held out", "new#", "in force#")
        for row in report.rows(result.new, result.now):
            made.add_row(*row)
        terminal.console.print(made)
