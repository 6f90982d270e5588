"""Looking after the ledger: backups, restoring one, and forgetting what is old."""

from __future__ import annotations

import logging
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.core import warehouse
from connectors.core.errors import RetryLater
from connectors.ledger import runs
from connectors.ledger.emission.audience import audience_path
from connectors.ledger.keeping import backup, retention
from connectors.ledger.keeping.possibly_sent import Plan
from connectors.ledger.keeping.restore import opened_backup, restore
from connectors.ledger.leases import no_emission
from flows.run import SLICES, default_as_of, ledger_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from connectors.core.settings import Settings
    from connectors.ledger.keeping.restore import Restored

log = logging.getLogger("parley")

# A restore does not wait for a push to end: it says that there is one.
PATIENCE_SECONDS = 5.0


def back_up(settings: Settings, file: Path | None = None) -> tuple[Path, backup.Label]:
    """Write a backup; where it is, and what it says of itself. The default name has its moment.

    Raises as `connectors.ledger.keeping.backup.back_up` does.
    """
    ledger, at = ledger_of(settings), default_as_of(settings)
    target = file or settings.home / "backups" / f"ledger-{at:%Y%m%dT%H%M%SZ}.db"
    label = backup.back_up(ledger, target, at)
    log.info("the ledger is backed up to %s", target)
    return target, label


def bring_back(
    settings: Settings, file: Path, *, force: bool = False, nothing_sent: bool = False
) -> tuple[Restored, bool]:
    """Put a backup in the ledger's place; what came of it, and whether the plans since are known.

    The warehouse goes: it holds what the ledger no longer knows to have landed, and the next run
    builds it anew. `nothing_sent`: somebody knows that nothing was since the backup.

    Raises:
        FixConfig: the file is no sound backup, the ledger knows more, or cannot be opened.
        RetryLater: a run is under way.
    """
    ledger = ledger_of(settings)
    with warehouse.writer_slot(settings, PATIENCE_SECONDS), no_emission(ledger, PATIENCE_SECONDS):
        runs.fail_dead(ledger)
        if busy := runs.running(ledger):
            what = f"{len(busy)} runs are under way"
            raise RetryLater(what, f"run {busy[0]}", "Wait for them to end, then restore.")
        with opened_backup(file) as copy:
            plans = [] if nothing_sent else _plans_since(settings, copy)
        done = restore(ledger, file, plans, default_as_of(settings), force=force)
        runs.fail_dead(ledger)  # those that were at work when the backup was taken
        warehouse.drop(settings)
    return done, plans is not None


def forget(settings: Settings) -> dict[str, int]:
    """Let go of what is older than `keep_days`; numbers of rows by table, and of snapshots."""
    ledger = ledger_of(settings)
    before = default_as_of(settings) - timedelta(days=settings.keep_days)
    folders = [settings.runs_dir / run for run in retention.forgettable_runs(ledger, before)]
    gone = retention.forget(ledger, before)
    there = [folder for folder in folders if folder.is_dir()]
    for folder in there:
        shutil.rmtree(folder)
    return {**gone, "snapshots": len(there)}


def _plans_since(settings: Settings, copy: Engine) -> list[Plan] | None:
    """The plans in this home that the backup does not know to their end.

    None where this is not the home that the ledger's runs published to: nobody knows them then.
    """
    last = runs.last_completed(copy)
    if last is not None and not (settings.runs_dir / last.run_id).is_dir():
        return None
    ended = runs.ended(copy)
    published = sorted(settings.runs_dir.glob("[!.]*"))
    return [
        Plan(folder.name, tuple(_audiences(folder)))
        for folder in published
        if folder.is_dir() and folder.name not in ended
    ]


def _audiences(folder: Path) -> Iterable[Path]:
    """What a run of that name may have sent; those of all slices where the name says no kind."""
    kind = folder.name.split("-")[1:2]
    slices = SLICES.get(kind[0] if kind else "", SLICES["daily"])
    paths: Iterator[Path] = (audience_path(folder, each) for each in slices)
    return (path for path in paths if path.exists())
