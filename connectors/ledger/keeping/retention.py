"""What the ledger forgets once it is old, and what it never forgets.

Old audits, refusals, looks, sizes of pushes and lists of what a run read go. Messages stay: they
are what makes sending once, and they are few columns without an address. So do suppressions,
erasures, cuts, runs, batches and pauses, and all that belongs to a message that is still open.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Engine,
    Table,
    delete,
    func,
    select,
    tuple_,
)

from connectors.ledger.db import write
from connectors.ledger.emission.last_look import LookRow
from connectors.ledger.facts import ReadingRow
from connectors.ledger.guards.pushes import PushRow
from connectors.ledger.keeping.tables import METADATA
from connectors.ledger.models import MessageAuditRow, MessageRow, RunBatchRow, RunRow

# Each deletion is a transaction of its own, so that emissions need not wait for long.
CHUNK_ROWS = 5_000
OPEN = ("reserved", "delivering", "unknown")


def forget(engine: Engine, before: datetime) -> dict[str, int]:
    """Delete what is older than a moment (aware) and no longer needed; rows by table."""
    keep = forgettable_runs(engine, before)
    return {
        name: _delete(engine, METADATA.tables[name], condition)
        for name, condition in _conditions(before, keep).items()
    }


def forgettable_runs(engine: Engine, before: datetime) -> list[str]:
    """Return the runs of before a moment that nothing is open of; never the last that completed."""
    still_open = select(MessageRow.run_id).where(MessageRow.state.in_(OPEN))
    told = RunRow.status == "completed", RunRow.kind != "replay"
    last = select(RunRow.run_id).where(*told).order_by(RunRow.started_at.desc()).limit(1)
    old = select(RunRow.run_id).where(
        RunRow.as_of < before,
        RunRow.status != "running",
        RunRow.run_id.not_in(still_open),
        RunRow.run_id.not_in(last),
    )
    with engine.connect() as connection:
        return sorted(connection.scalars(old))


def _conditions(before: datetime, runs: list[str]) -> Mapping[str, ColumnElement[bool]]:
    is_open = MessageRow.state.in_(OPEN)
    batches = select(MessageRow.batch_id).where(is_open, MessageRow.batch_id.is_not(None))
    open_runs = select(MessageRow.run_id).where(is_open)
    return {
        "message_audit": (MessageAuditRow.at < before)
        & MessageAuditRow.run_id.not_in(open_runs)
        & func.coalesce(MessageAuditRow.delivery_batch_id, "").not_in(batches),
        # A refused message was never sent, and a plan that wants it is judged anew.
        "messages": (MessageRow.state == "cancelled") & (MessageRow.planned_as_of < before),
        "looks": LookRow.looked_at < before,
        "readings": (ReadingRow.as_of < before) & ReadingRow.run_id.in_(runs),
        "pushes": PushRow.planned_as_of < before,
        "run_batches": RunBatchRow.run_id.in_(runs),
    }


def _delete(engine: Engine, table: Table, condition: ColumnElement[bool]) -> int:
    """Delete in pieces; how many rows went."""
    key = tuple_(*table.primary_key)
    piece = select(*table.primary_key).where(condition).limit(CHUNK_ROWS)
    gone = 0
    while True:
        with write(engine) as connection:
            deleted = connection.execute(delete(table).where(key.in_(piece))).rowcount
        gone += deleted
        if deleted < CHUNK_ROWS:
            return gone
