"""A run: its clock, its versions, its place; begun, loaded by id, and ended in the ledger."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from connectors.core import warehouse
from connectors.core.clock import as_utc, iso_z, parse_as_of, utc_now
from connectors.core.live import check_live
from connectors.core.settings import Settings, get_settings
from connectors.demo import DEMO_AS_OF
from connectors.ledger import runs
from connectors.ledger.db import open_ledger
from flows.versions import versions

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Engine

log = logging.getLogger("parley")

Slice = Literal["triggered", "mass"]
SLICES: dict[str, tuple[Slice, ...]] = {
    "daily": ("triggered", "mass"),
    "triggered": ("triggered",),
    "mass": ("mass",),
}


@dataclass(frozen=True)
class Run:
    """What every verb needs to know of a run; loaded by its id, so that only the id travels."""

    run_id: str
    kind: str
    as_of: datetime
    full_refresh: bool
    settings: Settings
    has_seeds: bool = False  # the warehouse holds these seeds already
    is_shadow: bool = False  # it plans and publishes, and sends nothing
    is_live: bool = False  # it may contact people

    @property
    def ledger(self) -> Engine:
        """The ledger's engine, one a process."""
        return ledger_of(self.settings)

    @property
    def snapshot_dir(self) -> Path:
        """Where the run's snapshot is once it is published."""
        return self.settings.runs_dir / self.run_id


@lru_cache(maxsize=8)
def _engine(url: str) -> Engine:
    return open_ledger(url)


def ledger_of(settings: Settings) -> Engine:
    """The engine of the ledger that these settings name; opened and migrated once a process."""
    return _engine(settings.ledger_url.get_secret_value())


def begin(
    kind: runs.Kind,
    as_of: str | None = None,
    *,
    full_refresh: bool = False,
    shadow: bool = False,
    live: bool = False,
) -> Run:
    """Record a new run; whoever calls holds the writer's slot.

    Args:
        kind: daily, triggered or mass.
        as_of: the run's clock (ISO 8601); None means now, or the demo's own clock.
        full_refresh: build every table anew, also where that is not needed.
        shadow: plan and publish as ever, send nothing. So is every run in test mode.
        live: destinations that contact people may be used.

    Raises:
        FixConfig: `as_of` is no moment, the warehouse's engine is not set up, or this installation
            may not be live.
        RetryLater: the warehouse's server is away; nothing is begun then.
    """
    settings = get_settings()
    check_live(settings, live=live)
    ledger = ledger_of(settings)
    clock = parse_as_of(as_of) if as_of else default_as_of(settings)
    made_of = versions(warehouse.label(settings))
    for died in runs.fail_dead(ledger):
        log.warning("run %s never ended: its process died. Its messages are settled now.", died)
    is_there = warehouse.exists(settings)
    reason = "it was asked for" if full_refresh else rebuild_reason(ledger, clock, made_of)
    if not (reason or is_there):
        reason = "the warehouse is gone"
    if reason:
        log.info("building from scratch: %s", reason)
    shadow = shadow or bool(settings.test_address)
    run_id = runs.start(ledger, kind, clock, made_of, full_refresh=bool(reason), is_shadow=shadow)
    return load(run_id, live=live)


def load(run_id: str, *, live: bool = False) -> Run:
    """The run of that id; `live` if it may contact people. Raises `FixConfig` if there is none."""
    settings = get_settings()
    ledger = ledger_of(settings)
    row = runs.get(ledger, run_id)
    has_seeds = not row.full_refresh and _has_seeds(ledger, row)
    clock = as_utc(row.as_of)
    how = row.full_refresh, settings, has_seeds, row.is_shadow, live
    return Run(run_id, row.kind, clock, *how)


def default_as_of(settings: Settings) -> datetime:
    """The clock of a run that names none: now; the demo's clock goes on from its last run."""
    if not settings.is_demo:
        return utc_now()
    last = runs.last_completed(ledger_of(settings))
    if last is None:
        return DEMO_AS_OF
    return as_utc(last.as_of) + (utc_now() - as_utc(last.started_at))


def rebuild_reason(ledger: Engine, as_of: datetime, made_of: runs.Versions) -> str | None:
    """Why the warehouse can't be continued and is built anew; None if it can.

    It holds what the latest runs read, also those that failed or were shadows: a run may only add
    to it.
    """
    latest = [run for run in runs.recent(ledger, 100) if run.kind != "replay"]
    for number, run in enumerate(latest):
        if run.engine != made_of.engine:
            return f"the warehouse was {run.engine}, and now is {made_of.engine}"
        if run.code_version != made_of.code:
            return "the models changed"
        if as_of < as_utc(run.as_of):
            return f"the clock goes back from {iso_z(as_utc(run.as_of))}"
        if run.status == "completed":
            return None
        if number == 0 and run.full_refresh:
            return "the last build from scratch did not finish"
    return "there is no complete run yet"


def last_clock(run: Run) -> datetime | None:
    """The latest clock that the warehouse was built for before a run; None before the first.

    It holds what the runs since the last complete one have built, also those that failed.
    """
    clocks = []
    for each in runs.recent(run.ledger, 100):
        if each.kind != "replay" and each.run_id != run.run_id:
            clocks.append(as_utc(each.as_of))
            if each.status == "completed":
                break
    return max(clocks, default=None)


def _has_seeds(ledger: Engine, row: runs.Run) -> bool:
    """Whether every run since the last complete one, and that one, loaded the same seeds."""
    for run in runs.recent(ledger, 100):
        if run.kind == "replay" or run.started_at >= row.started_at:
            continue
        if run.seeds_version != row.seeds_version:
            return False
        if run.status == "completed":
            return True
    return False
