"""Runs: what was started when, with which versions, on which batches, and how it ended."""

import atexit
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import Engine, Select, insert, or_, select, update
from sqlalchemy.orm import Session

from connectors.core.clock import utc_now
from connectors.core.errors import FixConfig
from connectors.core.spec import Batch
from connectors.ledger.db import write
from connectors.ledger.leases import is_held, lease
from connectors.ledger.manifest import as_batch
from connectors.ledger.models import BatchRow, RunBatchRow, RunRow

Kind = Literal["daily", "triggered", "mass", "replay"]
Ending = Literal["completed", "failed", "stopped"]
Clock = Callable[[], datetime]
# A run that did not live to say how it ended has failed, and this stands in its `rows`.
DIED: Final = {"why": "its process died"}
# Leases of the runs that this process is at work on: they end with it, `kill -9` included.
_AT_WORK: Final[dict[tuple[str, str], ExitStack]] = {}


@dataclass(frozen=True)
class Versions:
    """What a run was made of: enough to make it again."""

    code: str = "unknown"
    seeds: str = "unknown"
    weights: str = "unknown"
    engine: str = "unknown"


@dataclass(frozen=True)
class Run:
    """A run. `rows` are numbers in and out by table: {"in": {...}, "out": {...}}."""

    run_id: str
    kind: str
    as_of: datetime
    code_version: str
    seeds_version: str
    weights_version: str
    engine: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    rows: dict[str, Any] = field(default_factory=dict)
    audience_sha256: str | None = None
    full_refresh: bool = False
    is_shadow: bool = False


def start(
    engine: Engine,
    kind: Kind,
    as_of: datetime,
    versions: Versions,
    *,
    full_refresh: bool = False,
    is_shadow: bool = False,
    clock: Clock = utc_now,
) -> str:
    """Record a new run and return its id: `<as_of>-<kind>-<8 hex>`.

    This process holds the run's lease from now on, until `finish` or its own end.
    """
    run_id = f"{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{kind}-{secrets.token_hex(4)}"
    row = {
        "run_id": run_id,
        "kind": kind,
        "as_of": as_of,
        **{f"{name}_version": getattr(versions, name) for name in ("code", "seeds", "weights")},
        "engine": versions.engine,
        "status": "running",
        "started_at": clock(),
        "rows": {},
        "full_refresh": full_refresh,
        "is_shadow": is_shadow,
    }
    with ExitStack() as stack:
        stack.enter_context(lease(engine, _lease(run_id)))  # first: who has none looks dead
        with write(engine) as connection:
            connection.execute(insert(RunRow), [row])
        _AT_WORK[str(engine.url), run_id] = stack.pop_all()
    return run_id


@atexit.register
def _let_go() -> None:
    """Give back what is held while it can be done: a process that ends takes its modules apart."""
    while _AT_WORK:
        _AT_WORK.popitem()[1].close()


def fail_dead(engine: Engine, *, clock: Clock = utc_now) -> list[str]:
    """Mark the runs as failed whose process died without a word; their ids.

    A process that is at work holds its runs' leases, so no clock has to guess.
    """
    dead = [run_id for run_id in running(engine) if not is_held(engine, _lease(run_id))]
    if dead:
        values = {"status": "failed", "finished_at": clock(), "rows": DIED}
        left = RunRow.run_id.in_(dead), RunRow.status == "running"
        with write(engine) as connection:
            connection.execute(update(RunRow).where(*left).values(values))
    return dead


def running(engine: Engine) -> list[str]:
    """Return the runs that did not say how they ended, sorted."""
    query = select(RunRow.run_id).where(RunRow.status == "running").order_by(RunRow.run_id)
    with engine.connect() as connection:
        return list(connection.scalars(query))


def ended(engine: Engine) -> set[str]:
    """Return all runs that ended, however they did."""
    with engine.connect() as connection:
        query = select(RunRow.run_id).where(RunRow.status != "running")
        return set(connection.scalars(query))


def _lease(run_id: str) -> str:
    return f"run/{run_id}"


def attach_batches(engine: Engine, run_id: str, batch_ids: Sequence[str]) -> None:
    """Record which batches a run saw; those it already has are left alone."""
    with write(engine) as connection:
        seen = select(RunBatchRow.batch_id).where(RunBatchRow.run_id == run_id)
        known = set(connection.scalars(seen))
        new = [{"run_id": run_id, "batch_id": each} for each in batch_ids if each not in known]
        if new:
            connection.execute(insert(RunBatchRow), new)


def finish(
    engine: Engine,
    run_id: str,
    status: Ending,
    rows: Mapping[str, Any] | None = None,
    audience_sha256: str | None = None,
    *,
    clock: Clock = utc_now,
) -> None:
    """Record how a run ended, and give back its lease. Raises `FixConfig` for an unknown run."""
    values: dict[str, Any] = {"status": status, "finished_at": clock()}
    if rows is not None:
        values["rows"] = dict(rows)
    if audience_sha256 is not None:
        values["audience_sha256"] = audience_sha256
    with write(engine) as connection:
        statement = update(RunRow).where(RunRow.run_id == run_id).values(values)
        if not connection.execute(statement).rowcount:
            raise _unknown(run_id)
    if (held := _AT_WORK.pop((str(engine.url), run_id), None)) is not None:
        held.close()


def get(engine: Engine, run_id: str) -> Run:
    """Return a run. Raises `FixConfig` for an unknown one."""
    found = _runs(engine, select(RunRow).where(RunRow.run_id == run_id))
    if not found:
        raise _unknown(run_id)
    return found[0]


def last_completed(
    engine: Engine,
    kind: Kind | None = None,
    *,
    until: datetime | None = None,
    before: datetime | None = None,
) -> Run | None:
    """Return the completed run that started last (of a kind): its plan is the newest.

    Replays count only when asked for, shadows never: nobody hears from what they planned. With
    `until`, of the runs whose clock is not after it; with `before`, of those that started earlier.
    """
    query = select(RunRow).where(RunRow.status == "completed", RunRow.is_shadow.is_(False))
    if until is not None:
        query = query.where(RunRow.as_of <= until)
    if before is not None:
        query = query.where(RunRow.started_at < before)
    query = query.where(RunRow.kind == kind if kind else RunRow.kind != "replay")
    latest = query.order_by(RunRow.started_at.desc(), RunRow.as_of.desc(), RunRow.run_id)
    return next(iter(_runs(engine, latest.limit(1))), None)


def last_of_a_day(engine: Engine, before: Run) -> Run | None:
    """Return the completed run before this one that built also what only a day's run builds anew.

    That is a daily one, or one from scratch; a shadow is no less.
    """
    builds_all = or_(RunRow.kind == "daily", RunRow.full_refresh)
    query = (
        select(RunRow)
        .where(RunRow.status == "completed", RunRow.kind != "replay", builds_all)
        .where(RunRow.started_at <= before.started_at, RunRow.run_id != before.run_id)
        .order_by(RunRow.started_at.desc(), RunRow.as_of.desc(), RunRow.run_id)
    )
    return next(iter(_runs(engine, query.limit(1))), None)


def recent(engine: Engine, limit: int = 10) -> list[Run]:
    """Return the runs that started last, newest first."""
    order = (RunRow.started_at.desc(), RunRow.as_of.desc(), RunRow.run_id)
    return _runs(engine, select(RunRow).order_by(*order).limit(limit))


def batches_of(engine: Engine, run_id: str) -> list[Batch]:
    """Return the batches a run saw, in the order of landing."""
    query = (
        select(BatchRow)
        .join(RunBatchRow, RunBatchRow.batch_id == BatchRow.batch_id)
        .where(RunBatchRow.run_id == run_id)
        .order_by(BatchRow.landed_at, BatchRow.batch_id)
    )
    with Session(engine) as session:
        return [as_batch(row) for row in session.scalars(query)]


def _runs(engine: Engine, query: Select[tuple[RunRow]]) -> list[Run]:
    with Session(engine) as session:
        return [
            Run(**{field.name: getattr(row, field.name) for field in fields(Run)})
            for row in session.scalars(query)
        ]


def _unknown(run_id: str) -> FixConfig:
    return FixConfig("There is no such run", f"run {run_id}", "See `parley status` for the runs.")
