"""Take over what dead emissions left: those whose lease nobody holds."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from connectors.core.delivery import Destination
from connectors.core.errors import RetryLater
from connectors.core.live import barred, usable
from connectors.ledger.db import write
from connectors.ledger.emission.audience import SLICES, audience_path
from connectors.ledger.emission.batches import Emission
from connectors.ledger.emission.deliver import Delivery
from connectors.ledger.emission.handover import asked
from connectors.ledger.emission.verdicts import Verdicts, record, stamps
from connectors.ledger.leases import emission_lease, lease
from connectors.ledger.models import MessageRow

log = logging.getLogger("parley")

RECOVERY = "recovery"
# What an emission in the middle of recovery lets another wait; not to have recovered is safe.
RECOVERY_SECONDS = 30.0
# Somebody may be looking whether a lease is held, and holds it for that moment.
BRIEFLY = 0.2


class Left(NamedTuple):
    """An emission with something open; it has no name if it is older than leases."""

    run_id: str
    name: str


class Open(NamedTuple):
    """Messages that were handed over together and whose outcome is open."""

    batch_id: str | None
    destination: str
    state: str


@dataclass
class Recovery:
    """What dead emissions left when `emission` begins, and what became of it (`tally`, by state).

    What a live emission has reserved or is delivering stays untouched. `deliveries` are those of
    what the run itself had left, the emission's own last.
    """

    emission: Emission
    snapshot_dir: Path
    destinations: Mapping[str, Destination]
    tally: Counter[str] = field(default_factory=Counter)
    deliveries: list[Delivery] = field(default_factory=list)

    def run(self) -> None:
        """Read back what was under way; of what never left, deliver only the run's own."""
        try:
            with lease(self.emission.engine, RECOVERY, wait_seconds=RECOVERY_SECONDS):
                self._take_over_others()
        except RetryLater:
            log.warning("another emission is still recovering what was left: not waited for")
        for left in self._left():
            if left.run_id == self.emission.run_id and left.name != self.emission.name:
                self._under_its_lease(left, self._finish)
        self._finish(self.emission)

    def _take_over_others(self) -> None:
        for left in self._left():
            if left.run_id != self.emission.run_id:
                self._under_its_lease(left, self._settle)

    def _left(self) -> list[Left]:
        """Return the emissions of which anything is open, dead or alive."""
        open_ = MessageRow.state.in_(("reserved", "delivering", "unknown"))
        query = select(MessageRow.run_id, MessageRow.emission).where(open_).distinct()
        with self.emission.engine.connect() as connection:
            return sorted(Left(*row) for row in connection.execute(query))

    def _under_its_lease(self, left: Left, work: Callable[[Emission], None]) -> None:
        with ExitStack() as held:
            try:
                own = lease(self.emission.engine, emission_lease(*left), wait_seconds=BRIEFLY)
                taken = held.enter_context(own)
            except RetryLater:
                return  # it is alive
            work(replace(self.emission, run_id=left.run_id, name=left.name, lease=taken))

    def _settle(self, dead: Emission) -> None:
        """Settle what another run left.

        Permission, expiry and goals of its plan were judged then, not now. A plan that still wants
        such a message reserves it again, through all gates.
        """
        dead.cancel("left_over")  # at once: others may be reserving by now
        self._reconcile(dead)
        dead.cancel("left_over")

    def _finish(self, own: Emission) -> None:
        """Settle and deliver what an emission of the run itself left."""
        self._reconcile(own)
        files = [audience_path(self.snapshot_dir, name) for name in SLICES]
        delivery = Delivery(own, usable(self.destinations), self.tally)
        delivery.run(file for file in files if file.exists())
        self.deliveries.append(delivery)

    def _reconcile(self, dead: Emission) -> None:
        columns = MessageRow.batch_id, MessageRow.destination, MessageRow.state
        for state in ("delivering", "unknown"):
            query = select(*columns).where(*dead.mine(state)).distinct()
            with dead.engine.connect() as connection:
                batches = sorted((Open(*row) for row in connection.execute(query)), key=str)
            for batch in batches:
                self._read_back(dead, batch)

    def _read_back(self, dead: Emission, batch: Open) -> None:
        """Believe the destination where it can tell; what it cannot tell is unknown.

        What is unknown once stays so until the destination knows of it: an answer that was lost
        may stand for a message that is still on its way, so "not here" proves nothing by then.
        """
        batch_id, name, state = batch
        if name in barred(self.destinations):
            return  # what a live run left is for a live run to ask about
        destination = self.destinations.get(name)
        try:
            found = asked(dead, destination, batch_id) if destination and batch_id else None
        except Exception as error:  # noqa: BLE001 - each destination has its own
            told_later = batch_id, name, type(error).__name__
            log.warning("batch %s of %s stays open, it cannot be read back now: %s", *told_later)
            return
        told = found or {}
        silent = ("unknown" if found is None else "reserved", "read back")
        verdicts = {
            key: told.get(key, silent)
            for key in self._keys(dead, batch)
            if state == "delivering" or told.get(key, (state, ""))[0] not in (state, "reserved")
        }
        if verdicts:
            self._record(dead, batch, verdicts, is_whole=not told)

    def _record(self, dead: Emission, batch: Open, verdicts: Verdicts, *, is_whole: bool) -> None:
        # A batch that never arrived keeps its id and its messages, so that delivering it again
        # is the same batch; what is left of one that arrived in part gets a new id.
        values = {
            **stamps(self.destinations.get(batch.destination), dead.at),
            "reserved": {} if is_whole else {"batch_id": None},
        }
        step = replace(dead.step(batch.state, "", batch.batch_id), is_reconciled=True)
        with write(dead.engine) as connection:
            record(connection, step, verdicts, values)
        self.tally.update(to_state for to_state, _ in verdicts.values() if to_state != "reserved")

    def _keys(self, dead: Emission, batch: Open) -> list[str]:
        query = select(MessageRow.message_key).where(
            *dead.mine(batch.state),
            MessageRow.batch_id == batch.batch_id,
            MessageRow.destination == batch.destination,
        )
        with dead.engine.connect() as connection:
            return sorted(connection.scalars(query))
