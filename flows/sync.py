"""Lists at destinations are kept equal to the audiences of the last plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from connectors.core import registry, warehouse
from connectors.core.clock import as_utc
from connectors.core.errors import FixConfig, ParleyError
from connectors.core.live import check_live
from connectors.ledger import runs
from connectors.ledger.emission.rules import MARKETING
from connectors.ledger.guards import pauses
from connectors.ledger.lists.asking import Asking
from connectors.ledger.lists.held import HeldList, known_lists
from connectors.ledger.lists.sync import Sync, SyncResult, counted, result
from connectors.ledger.lists.wanted import Audience
from flows.run import default_as_of, ledger_of
from flows.versions import seed, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from connectors.core.audience import AudienceTarget
    from connectors.core.settings import Settings

FRESH: Final = timedelta(hours=48)
"""An older plan knows too little of who has said no since; the next run makes a new one."""


@dataclass(frozen=True)
class Asked:
    """What a sync is asked for: one audience or all, and how."""

    audience: str = ""
    full: bool = False
    live: bool = False
    dry_run: bool = False
    confirm: bool = False


@dataclass
class Synced:
    """What became of each audience: a result, a sentence why it was left alone, or an error."""

    results: list[SyncResult] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    troubles: list[ParleyError] = field(default_factory=list)

    def raise_first(self) -> None:
        """Raise the first error, where there is one."""
        for trouble in self.troubles:
            raise trouble


def sync(settings: Settings, asked: Asked) -> Synced:
    """Sync the audiences of the last plan; one in trouble does not hold up the others.

    Raises:
        FixConfig: there is no such audience, no plan or only an old one, or this installation may
            not be live or is in test mode.
    """
    check_live(settings, live=asked.live)
    if settings.test_address and not asked.dry_run:
        what = "in test mode no list is changed: copies of people do not make one"
        raise FixConfig(what, "PARLEY_TEST_ADDRESS", "Unset it, or look with --dry-run.")
    ledger, synced = ledger_of(settings), Synced()
    for audience in audiences(settings, ledger, asked.audience):
        target = _target(settings, audience, asked, synced)
        if target is None and not asked.dry_run:
            continue
        list_ = HeldList(ledger, audience.destination, audience.name, default_as_of(settings))
        try:
            done = _dry(audience, list_) if asked.dry_run else _sync(audience, list_, target, asked)
        except ParleyError as error:
            synced.troubles.append(error)
        else:
            synced.results.append(done)
    return synced


def audiences(settings: Settings, ledger: Engine, only: str = "") -> list[Audience]:
    """The audiences that are kept, and those that were: nobody is added to the latter any more.

    Raises:
        FixConfig: there is none of that name, or no plan that can be trusted.
    """
    found = [each for each in _all(settings, ledger) if only in ("", each.name)]
    if only and not found:
        names = ", ".join(row["audience"] for row in seed("audiences") if _is_on(row)) or "none"
        what = f"there is no audience called '{only}' that is enabled"
        raise FixConfig(what, "audiences.csv", f"There are: {names}.")
    return found


def _all(settings: Settings, ledger: Engine) -> Iterator[Audience]:
    rows = {(row["destination"], row["audience"]): row for row in seed("audiences")}
    run = _last_run(settings, ledger)
    planned_as_of = as_utc(run.as_of)
    file = settings.runs_dir / run.run_id / "audience_members.parquet"
    for (destination, name), row in sorted(rows.items()):
        if _is_on(row):
            yield Audience(name, destination, row["purpose"], planned_as_of, file)
    for destination, name in known_lists(ledger):
        before = rows.get((destination, name), {"enabled": "false", "purpose": MARKETING})
        if not _is_on(before):
            yield Audience(name, destination, before["purpose"], planned_as_of)


def _is_on(row: dict[str, str]) -> bool:
    return row["enabled"].lower() == "true"


def _last_run(settings: Settings, ledger: Engine) -> runs.Run:
    run = runs.last_completed(ledger)
    if run is None:
        what = "there is no plan yet whose audiences could be synced"
        raise FixConfig(what, "ledger", "Run `parley run daily` first.")
    made_of = versions(warehouse.label(settings))
    if run.seeds_version != made_of.seeds:
        what = "the seeds changed since the last plan, and its audiences are of before"
        raise FixConfig(what, f"run {run.run_id}", "Run `parley run daily`, then sync.")
    if default_as_of(settings) - as_utc(run.as_of) > FRESH:
        what = "the last plan is too old: it knows too little of who has said no since"
        raise FixConfig(what, f"run {run.run_id}", "Run `parley run daily`, then sync.")
    return run


def _target(
    settings: Settings, audience: Audience, asked: Asked, synced: Synced
) -> AudienceTarget | None:
    """The target, if this sync may use it; else it is said why not."""
    try:
        target = registry.target(audience.destination)(settings)
    except FixConfig as error:
        synced.skipped[audience.name] = f"{audience.destination} is not set up: {error}"
        return None
    # Whoever does not say reaches people, as far as anybody knows.
    if getattr(target, "is_live", True) and not asked.live:
        why = f"{audience.destination} reaches people, and this sync is not live (`--live`)"
        synced.skipped[audience.name] = why
        return None
    return target


def _dry(audience: Audience, list_: HeldList) -> SyncResult:
    """What a sync would do, by the ledger alone: the destination is not asked."""
    found = counted(audience, list_)
    found["removed"] = found["leaving"] + found["must_leave"]
    return result(audience.name, audience.destination, found)


def _sync(
    audience: Audience, list_: HeldList, target: AudienceTarget | None, asked: Asked
) -> SyncResult:
    if target is None:
        message = "a sync that is not dry has a target"
        raise AssertionError(message)
    return Sync(
        list_, audience, target,
        full=asked.full, confirmed=asked.confirm, is_paused=_is_paused(list_),
        asking=Asking(audience.destination),
    ).run()  # fmt: skip


def _is_paused(list_: HeldList) -> bool:
    """Whether the kill switch is thrown for everything: then nobody is told anything new."""
    return any(not each.programme for each in pauses.open_pauses(list_.engine))
