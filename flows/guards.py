"""Stop and go by hand: the kill switch, and pushes that a guard holds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, get_args

from connectors.core.errors import FixConfig
from connectors.ledger.guards import pauses, pushes
from flows import work
from flows.notices import paused
from flows.run import Slice, default_as_of, ledger_of, load
from flows.versions import seed

if TYPE_CHECKING:
    from connectors.core.settings import Settings
    from connectors.ledger.emission.outbox import EmitResult

CONFIRM_WITHIN: Final = timedelta(hours=24)
"""An older plan knows too little of what happened since; the next run makes a new one."""


def pause(settings: Settings, programme: str, reason: str, *, by: str) -> list[str]:
    """Stop a programme, or everything for ''; return what is paused, a sentence each.

    What is reserved already does not leave either.

    Raises:
        FixConfig: there is no such programme.
    """
    if programme:
        _row(programme)
    ledger, at = ledger_of(settings), default_as_of(settings)
    pauses.pause(ledger, programme, reason=reason or "no reason given", by=by, at=at)
    return [paused(each) for each in pauses.open_pauses(ledger)]


def resume(settings: Settings, programme: str, *, by: str) -> list[str]:
    """Let a programme, or for '' everything, go on; return what is still paused.

    Programmes that were paused by name are resumed by name.

    Raises:
        FixConfig: it was not paused.
    """
    ledger = ledger_of(settings)
    ended = pauses.resume(ledger, programme, by=by, at=default_as_of(settings))
    still = [paused(each) for each in pauses.open_pauses(ledger)]
    if not ended:
        what = f"{programme or 'everything'} was not paused"
        raise FixConfig(what, "ledger", f"Paused: {' '.join(still) or 'nothing'}")
    return still


def confirm(
    settings: Settings, run_id: str, programme: str, *, by: str, live: bool = False
) -> EmitResult:
    """Send what a guard held of a run's plan; what has expired since stays out.

    Raises:
        FixConfig: nothing of it is held, or the plan is too old.
    """
    run = load(run_id, live=live)
    at = default_as_of(settings)
    if at - run.as_of > CONFIRM_WITHIN:
        what = "this plan is too old to be sent"
        remedy = "Run again, and confirm what that run holds: `parley status` lists it."
        raise FixConfig(what, f"run {run_id}", remedy)
    kind = _row(programme)["kind"]
    audience: Slice = next(each for each in get_args(Slice) if each == kind)
    pushes.confirm(run.ledger, run_id, programme, by=by, at=at)
    return work.emit_slice(run, audience, max(at, run.as_of))


def waiting(settings: Settings) -> list[str]:
    """What is paused or held now, a sentence each."""
    ledger = ledger_of(settings)
    held = pushes.held_since(ledger, default_as_of(settings) - CONFIRM_WITHIN)
    return [*map(paused, pauses.open_pauses(ledger)), *(each.told for each in held)]


def _row(programme: str) -> dict[str, str]:
    rows = {row["programme"]: row for row in seed("programmes")}
    if programme not in rows:
        what = f"there is no programme called '{programme}'"
        raise FixConfig(what, "programmes.csv", f"There are: {', '.join(sorted(rows))}.")
    return rows[programme]
