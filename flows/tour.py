"""What a newcomer sees: the demo from nothing to an explained audience."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.core import plan
from connectors.core.clock import iso_z
from connectors.core.errors import FixConfig
from connectors.core.settings import get_settings
from connectors.demo import DEMO_AS_OF, generate
from connectors.ledger import runs
from flows import explain, terminal
from flows.pipeline import PlainSteps, execute
from flows.run import ledger_of
from flows.terminal import console

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from connectors.core.settings import Settings
    from flows.pipeline import Outcome


def demo(days: int) -> None:
    """Build the shop, run so many days, show the last one's tables, and explain three people.

    What answers an earlier message needs one: on a day before, the first messages go out. Days
    that lie back are run where nothing ran yet.

    Raises:
        FixConfig: sources are configured, so this is not the demo's place.
    """
    settings = get_settings()
    if not settings.is_demo:
        what = "your own sources are configured here"
        raise FixConfig(what, ".env", "Set PARLEY_HOME to another folder and unset PARLEY_SOURCES.")
    began = time.monotonic()
    with terminal.bar("the demo shop") as told:
        shop = generate(settings.demo_dir, progress=told)
    console.print(
        f"A shop with {shop.customers:,} customers, {shop.orders:,} real orders"
        f" and {shop.events:,} simulated web events; a simulated school with"
        f" {shop.school_events:,}.\n",
        soft_wrap=True,
    )
    is_new = runs.last_completed(ledger_of(settings)) is None
    for back in range(days - 1, 0, -1) if is_new else ():
        terminal.show_outcome(_run(settings, DEMO_AS_OF - timedelta(days=back)))
        console.print()
    outcome = _run(settings, DEMO_AS_OF)
    folder = outcome.run.snapshot_dir
    console.print()
    _show_tables(folder)
    terminal.show_plan(plan.funnel(folder))
    terminal.show_outcome(outcome)
    _explain_three(settings, folder)
    _what_next(settings, time.monotonic() - began)


def _run(settings: Settings, as_of: datetime) -> Outcome:
    """Run a day, with a line for each step."""
    console.print(f"It is {iso_z(as_of)}.")
    with terminal.Steps() as told_step:
        return execute("daily", PlainSteps(settings, told_step), iso_z(as_of))


def _show_tables(folder: Path) -> None:
    terminal.show_rows("Segments (marts.segments)", plan.segment_counts(folder))
    console.print()
    title = "Intent (marts.intent_scores): how likely to buy within 7 days"
    terminal.show_rows(title, plan.intent_counts(folder))
    console.print()


def _explain_three(settings: Settings, folder: Path) -> None:
    """A person who is written to, one who bought meanwhile, one who never gave permission."""
    for title, verdict, reason in (
        ("Left a basket, will hear from us", "send", None),
        ("Left a basket, but bought afterwards", "drop", "goal_reached"),
        ("Left a basket, but never gave permission", "drop", "no_permission"),
    ):
        person = plan.example(folder, "abandoned_cart", verdict, reason)
        if person:
            console.print()
            console.rule(title, align="left")
            for line in explain.lines(settings, person):
                console.print(line, soft_wrap=True)


def _what_next(settings: Settings, seconds: float) -> None:
    console.print()
    console.rule("Look further", align="left")
    console.print(
        f"  {settings.bi_path}  all tables in schema marts, for any BI tool\n"
        f"  {settings.out_dir}  the messages as files: nobody was contacted\n"
        f"  {settings.docs_dir / 'index.html'}  what the quality gates looked at\n"
        "  .venv/bin/parley preview abandoned_cart · .venv/bin/parley explain <person>"
        " · .venv/bin/parley status\n"
        "  make ui  the same in Prefect, on a schedule\n"
        f"[dim]{seconds:.0f} s[/]",
        soft_wrap=True,
    )
