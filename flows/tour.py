"""What a newcomer sees: the demo from nothing to an explained audience, and previews."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from rich.markup import escape

from connectors.core import plan
from connectors.core.clock import iso_z
from connectors.core.errors import FixConfig
from connectors.core.settings import get_settings
from connectors.demo import DEMO_AS_OF, generate
from flows import explain, terminal
from flows.pipeline import PlainSteps, execute
from flows.terminal import console

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.core.settings import Settings


def demo() -> None:
    """Build the shop, run a day, show the tables, and explain three people.

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
        f" and {shop.events:,} simulated web events. It is {iso_z(DEMO_AS_OF)}.\n"
    )
    with terminal.Steps() as told_step:
        outcome = execute("daily", PlainSteps(settings, told_step), iso_z(DEMO_AS_OF))
    folder = outcome.run.snapshot_dir
    console.print()
    _show_tables(folder)
    terminal.show_plan(plan.funnel(folder))
    terminal.show_outcome(outcome)
    _explain_three(settings, folder)
    _what_next(settings, time.monotonic() - began)


def show_preview(settings: Settings, programme: str, most: int, run_id: str | None) -> None:
    """Show the funnel and the most valuable messages of a programme.

    Raises:
        FixConfig: no such programme, or no published run.
    """
    shown = explain.latest(settings, run_id)
    known = [each["programme"] for each in plan.programmes(shown.folder)]
    if programme not in known:
        what = f"there is no programme called '{programme}'"
        raise FixConfig(what, "programmes.csv", f"Programmes: {', '.join(known)}.")
    console.print(f"{programme} at {iso_z(shown.as_of)} [dim](run {shown.run_id})[/]\n")
    terminal.show_plan(plan.funnel(shown.folder, programme))
    console.print()
    made = terminal.table("Who", "person", "verdict", "subject", "because")
    for row in plan.audience(shown.folder, programme, most):
        content = json.loads(row["content"])
        said = (escape(str(content.get(name, ""))) for name in ("subject", "fact"))
        made.add_row(row["person_id"][:12], row["verdict"], *said)
    console.print(made)


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
