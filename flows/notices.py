"""What guards kept back in a run, and what to do about it: one sentence each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from connectors.core import live, plan
from connectors.ledger.guards import pauses, pushes, stops

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.ledger.emission.outbox import EmitResult
    from connectors.ledger.guards.pauses import Pause
    from flows.run import Run


def lines(run: Run, emitted: Iterable[EmitResult]) -> list[str]:
    """Say what is held, paused, not live, and above a ceiling, after these slices were emitted."""
    refused: Counter[str] = Counter()
    for result in emitted:
        refused.update(result.refused)
    said = [each.told for each in pushes.held_by(run.ledger, run.run_id)]
    said += [paused(each) for each in pauses.open_pauses(run.ledger)]
    if refused[live.NOT_LIVE]:
        names = plan.destinations(run.snapshot_dir)
        barred = live.barred(live.destinations(run.settings, names, live=run.is_live))
        said += [f"nothing went to {name}: {why}." for name, why in barred.items()]
    if above := refused[stops.CEILING]:
        said.append(
            f"{above:,} messages are above what their programme may send in a day:"
            " `ceiling` in contact_policy.csv."
        )
    return said


def paused(each: Pause) -> str:
    """Say what is paused, since when, why, and how it goes on."""
    command = f"parley resume {each.programme}".strip()
    since = f"since {each.paused_at:%Y-%m-%d %H:%M} by {each.paused_by}"
    return f"{each.what} is paused {since}: {each.reason}. `{command}` lets it go on."
