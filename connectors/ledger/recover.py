"""Take over what a dead emission left. Call it under the emission lock only."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Engine, Row, select

from connectors.core.delivery import Destination
from connectors.ledger.audience import SLICES, audience_path
from connectors.ledger.db import write
from connectors.ledger.deliver import Delivery, record, stamps
from connectors.ledger.models import MessageRow
from connectors.ledger.rules import suppressed
from connectors.ledger.transitions import Move, move


def recover(
    engine: Engine,
    snapshot_dir: Path,
    run_id: str,
    destinations: Mapping[str, Destination],
    at: datetime,
) -> Counter[str]:
    """Settle what is under way, deliver what the run itself left; return the outcomes by state."""
    recovery = Recovery(engine, snapshot_dir, run_id, destinations, at)
    recovery.run()
    return recovery.tally


@dataclass
class Recovery:
    """What dead emissions left when `run_id` emits, and what became of it (`tally`, by state)."""

    engine: Engine
    snapshot_dir: Path
    run_id: str
    destinations: Mapping[str, Destination]
    at: datetime
    tally: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Read back what was under way; of what never left, deliver only the run's own."""
        for batch in self._open_batches():
            self._reconcile(batch)
        # Permission, expiry and goals of another run's plan were judged then, not now. A plan
        # that still wants such a message reserves it again, through all gates.
        for run_id in self._waiting_runs():
            self._cancel(run_id, "left_over")
        mine = MessageRow.address_hash, MessageRow.purpose, MessageRow.planned_as_of
        self._cancel(self.run_id, "suppressed", suppressed(*mine))
        files = [audience_path(self.snapshot_dir, name) for name in SLICES]
        delivery = Delivery(self.engine, self.run_id, self.destinations, self.at, self.tally)
        delivery.run(file for file in files if file.exists())

    def _open_batches(self) -> list[Row[tuple[str | None, str, str, str]]]:
        query = (
            select(MessageRow.batch_id, MessageRow.run_id, MessageRow.destination, MessageRow.state)
            .where(MessageRow.state.in_(("delivering", "unknown")))
            .distinct()
        )
        with self.engine.connect() as connection:
            return sorted(connection.execute(query).all(), key=str)

    def _waiting_runs(self) -> list[str]:
        """Return the other runs that left something reserved."""
        left = MessageRow.state == "reserved", MessageRow.run_id != self.run_id
        query = select(MessageRow.run_id).where(*left).distinct()
        with self.engine.connect() as connection:
            return sorted(connection.scalars(query))

    def _reconcile(self, batch: Row[tuple[str | None, str, str, str]]) -> None:
        """Believe the destination where it can tell; what it cannot tell is unknown.

        What is unknown once stays so until the destination knows of it: an answer that was lost
        may stand for a message that is still on its way, so "not here" proves nothing by then.
        """
        batch_id, run_id, name, state = batch
        destination = self.destinations.get(name)
        found = destination.lookup(batch_id) if destination and batch_id else None
        told = {outcome.message_key: outcome for outcome in found or ()}
        silent = "unknown" if found is None else "reserved"
        verdicts = {
            key: (told[key].state, told[key].detail) if key in told else (silent, "read back")
            for key in self._keys(batch)
            if state == "delivering" or (key in told and told[key].state != state)
        }
        if not verdicts:
            return
        # A batch that never arrived keeps its id and its messages, so that delivering it again
        # is the same batch; what is left of one that arrived in part gets a new id.
        values = {
            **stamps(destination, self.at),
            "reserved": {} if not told else {"batch_id": None},
        }
        step = Move(state, "", run_id, self.at, batch_id, is_reconciled=True)
        with write(self.engine) as connection:
            record(connection, step, verdicts, values)
        self.tally.update(to_state for to_state, _ in verdicts.values() if to_state != "reserved")

    def _keys(self, batch: Row[tuple[str | None, str, str, str]]) -> list[str]:
        batch_id, run_id, name, state = batch
        query = select(MessageRow.message_key).where(
            MessageRow.batch_id == batch_id,
            MessageRow.run_id == run_id,
            MessageRow.destination == name,
            MessageRow.state == state,
        )
        with self.engine.connect() as connection:
            return sorted(connection.scalars(query))

    def _cancel(self, run_id: str, refusal: str, *where: ColumnElement[bool]) -> None:
        keys = select(MessageRow.message_key).where(
            MessageRow.run_id == run_id, MessageRow.state == "reserved", *where
        )
        step = Move("reserved", "cancelled", run_id, self.at, detail=refusal)
        with write(self.engine) as connection:
            move(connection, keys, step, {"refusal": refusal})
