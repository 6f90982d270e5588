"""Runs: what was started when, with which versions, on which batches, and how it ended."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Engine, Select, insert, select, update
from sqlalchemy.orm import Session

from connectors.core.clock import utc_now
from connectors.core.errors import FixConfig
from connectors.core.spec import Batch
from connectors.ledger.db import write
from connectors.ledger.manifest import as_batch
from connectors.ledger.models import BatchRow, RunBatchRow, RunRow

Kind = Literal["daily", "triggered", "mass", "replay"]
Ending = Literal["completed", "failed", "stopped"]
Clock = Callable[[], datetime]


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


def start(
    engine: Engine,
    kind: Kind,
    as_of: datetime,
    versions: Versions,
    *,
    full_refresh: bool = False,
    clock: Clock = utc_now,
) -> str:
    """Record a new run and return its id: `<as_of>-<kind>-<8 hex>`."""
    run_id = f"{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{kind}-{secrets.token_hex(4)}"
    row = {
        "run_id": run_id,
        "kind": kind,
        "as_of": as_of,
        "code_version": versions.code,
        "seeds_version": versions.seeds,
        "weights_version": versions.weights,
        "engine": versions.engine,
        "status": "running",
        "started_at": clock(),
        "rows": {},
        "full_refresh": full_refresh,
    }
    with write(engine) as connection:
        connection.execute(insert(RunRow), [row])
    return run_id


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
    """Record how a run ended. Raises `FixConfig` for an unknown run."""
    values: dict[str, Any] = {"status": status, "finished_at": clock()}
    if rows is not None:
        values["rows"] = dict(rows)
    if audience_sha256 is not None:
        values["audience_sha256"] = audience_sha256
    with write(engine) as connection:
        statement = update(RunRow).where(RunRow.run_id == run_id).values(values)
        if not connection.execute(statement).rowcount:
            raise _unknown(run_id)


def get(engine: Engine, run_id: str) -> Run:
    """Return a run. Raises `FixConfig` for an unknown one."""
    found = _runs(engine, select(RunRow).where(RunRow.run_id == run_id))
    if not found:
        raise _unknown(run_id)
    return found[0]


def last_completed(
    engine: Engine, kind: Kind | None = None, *, until: datetime | None = None
) -> Run | None:
    """Return the completed run that started last (of a kind): its plan is the newest.

    Replays count only when asked for. With `until`, of the runs whose clock is not after it.
    """
    query = select(RunRow).where(RunRow.status == "completed")
    if until is not None:
        query = query.where(RunRow.as_of <= until)
    query = query.where(RunRow.kind == kind if kind else RunRow.kind != "replay")
    latest = query.order_by(RunRow.started_at.desc(), RunRow.as_of.desc(), RunRow.run_id)
    return next(iter(_runs(engine, latest.limit(1))), None)


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
