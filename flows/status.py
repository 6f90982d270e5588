"""How Parley is: the last runs, the freshness of each source, rows, and what is withheld."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from connectors.ledger import runs
from connectors.ledger.emission import last_look
from connectors.ledger.emission.unsettled import count_unsettled
from connectors.ledger.manifest import LedgerManifest
from flows import guards, summary, terminal
from flows.run import ledger_of
from flows.terminal import console

if TYPE_CHECKING:
    from connectors.core.settings import Settings
    from connectors.ledger.runs import Run

RUNS = 10
STYLES = {"completed": "green", "running": "cyan", "failed": "red", "stopped": "yellow"}


def show(settings: Settings) -> None:
    """Print it all; an installation that never ran says so."""
    ledger = ledger_of(settings)
    if settings.is_demo:
        console.print("No sources are configured: this is the demo shop.")
        console.print("`parley init` connects yours.\n")
    runs.fail_dead(ledger)
    recent = runs.recent(ledger, RUNS)
    if not recent:
        console.print("Nothing ran yet. Start with `parley run daily`.")
        return
    _show_runs(recent)
    for each in guards.waiting(settings):
        console.print(f"[yellow]{escape(each)}[/]", soft_wrap=True)
    for name, messages in count_unsettled(ledger).items():
        what = f"{messages:,} messages to {name}: nobody knows yet whether they arrived."
        console.print(f"[yellow]unknown[/] {what} Each run asks again.", soft_wrap=True)
    manifest = LedgerManifest(ledger)
    _show_sources(manifest)
    for batch, why in manifest.quarantined():
        where = f"{batch.batch_id} of {batch.source_id}.{batch.stream}"
        console.print(f"[yellow]withheld[/] {where}: {escape(why)}. `parley release` lets it in.")
    last = runs.last_completed(ledger)
    if last and (ages := last_look.ages(ledger, last.run_id)):
        console.print(summary.age(ages), soft_wrap=True)
    if last:
        made = terminal.table("Tables for BI, after the last run", "table", "rows#")
        for name, rows in last.rows.get("out", {}).items():
            made.add_row(name, f"{rows:,}")
        console.print(made)


def _show_runs(recent: list[Run]) -> None:
    made = terminal.table("Runs", "run", "status", "landed#", "built", "audience")
    for run in recent:
        landed = sum(run.rows.get("in", {}).values())
        status = f"[{STYLES.get(run.status, 'dim')}]{run.status}[/]"
        status += " (shadow)" if run.is_shadow else ""
        status += f", {why}" if (why := run.rows.get("why")) else ""
        digest = (run.audience_sha256 or "")[:12]
        built = "anew" if run.full_refresh else ""
        made.add_row(run.run_id, status, f"{landed:,}", built, digest)
    console.print(made)
    console.print()


def _show_sources(manifest: LedgerManifest) -> None:
    made = terminal.table("Sources", "stream", "rows#", "newest record", "last landed")
    for each in manifest.freshness():
        newest = f"{each.newest:%Y-%m-%d %H:%M}" if each.newest else ""
        name = f"{each.source_id}.{each.stream}"
        made.add_row(name, f"{each.rows:,}", newest, f"{each.landed:%Y-%m-%d %H:%M}")
    console.print(made)
    console.print()
