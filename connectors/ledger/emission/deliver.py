"""Deliver what is reserved: reserved -> delivering, committed, then the destination, then record.

The audience is read once, in chunks; what is waiting to fill a batch is bounded.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from sqlalchemy import ColumnElement, func, select

from connectors.core.ahead import ahead
from connectors.core.delivery import Destination, OutMessage
from connectors.core.errors import FixConfig, ParleyError
from connectors.core.garbage import collect_now
from connectors.ledger.emission.audience import chunks
from connectors.ledger.emission.batches import Emission
from connectors.ledger.emission.handover import Handover
from connectors.ledger.emission.outgoing import COLUMNS, out_messages
from connectors.ledger.models import MessageRow

MAX_WAITING = 20_000
# Of the audience at a time; two such chunks are in memory, one that is delivered and the next.
READ_ROWS = 10_000


class Slot(NamedTuple):
    """Messages that may share a batch. `batch_id` is set for one that is delivered once more."""

    destination: str
    programme: str
    batch_id: str | None


@dataclass
class Delivery:
    """The delivery of what one emission reserved; `tally` counts outcomes by state.

    Give the `handovers` of a delivery before to one that goes on in the same emission.
    """

    emission: Emission
    destinations: Mapping[str, Destination]
    tally: Counter[str] = field(default_factory=Counter)
    handovers: dict[str, Handover] = field(default_factory=dict)
    waiting: dict[Slot, list[OutMessage]] = field(default_factory=dict)

    def run(self, audiences: Iterable[Path]) -> None:
        """Deliver what is reserved and stands in these files; cancel what stands in none.

        What a destination in trouble could not take stays reserved.
        """
        if not self._open_messages():
            return
        self.emission.cancel_used_up()
        for name, destination in self.destinations.items():
            new = Handover(self.emission, destination, self.tally)
            self.handovers.setdefault(name, new).tally = self.tally
        # The database works on a batch without Python, which can read the next chunk meanwhile.
        for found in ahead(self._found(audiences)):
            self._add(found)
            self._flush_full()
            collect_now()
        self._flush_rest()
        for handover in self.handovers.values():
            handover.try_again()
        self.emission.cancel_used_up()
        self._cancel_leftovers()

    def troubles(self) -> list[ParleyError]:
        """Return why messages wait, one error for each destination they wait for."""
        return [each.trouble for each in self.handovers.values() if each.trouble]

    def still_reserved(self) -> int:
        """Return how many messages wait for another emission."""
        query = select(func.count()).select_from(MessageRow)
        with self.emission.engine.connect() as connection:
            return connection.scalar(query.where(*self.emission.mine("reserved"))) or 0

    def _open_messages(self, *where: ColumnElement[bool]) -> dict[str, Slot]:
        columns = (MessageRow.destination, MessageRow.programme, MessageRow.batch_id)
        query = select(MessageRow.message_key, *columns)
        query = query.where(*self.emission.mine("reserved"), *where)
        with self.emission.engine.connect() as connection:
            rows = connection.execute(query if where else query.limit(1)).all()
        return {key: Slot(*slot) for key, *slot in rows}

    def _found(self, audiences: Iterable[Path]) -> Iterator[Mapping[Slot, list[OutMessage]]]:
        """What is reserved of these files, a chunk at a time."""
        for audience in audiences:
            for chunk in chunks(audience, COLUMNS, READ_ROWS):
                keys: list[str] = chunk.column("message_key").to_pylist()
                if not keys:
                    continue
                open_ = self._open_messages(MessageRow.message_key.between(min(keys), max(keys)))
                places = [place for place, key in enumerate(keys) if key in open_]
                found: dict[Slot, list[OutMessage]] = {slot: [] for slot in open_.values()}
                for message in out_messages(chunk.take(pa.array(places, pa.int64()))):
                    found[open_[message.message_key]].append(message)
                yield found

    def _add(self, found: Mapping[Slot, list[OutMessage]]) -> None:
        for slot, messages in found.items():
            if self._is_taken(slot):
                self.waiting.setdefault(slot, []).extend(messages)

    def _is_taken(self, slot: Slot) -> bool:
        """Tell whether it can be tried now; a batch of one in trouble was tried already."""
        handover = self.handovers.get(slot.destination)
        if handover is None or handover.stopped:
            return False
        return not (handover.trouble and slot.batch_id)

    def _flush_full(self) -> None:
        """Deliver whole batches, and the largest if too much waits. Old batches stay whole."""
        new = {slot: held for slot, held in self.waiting.items() if slot.batch_id is None}
        for slot, held in new.items():
            while len(held) >= self._batch_size(slot):
                self._deliver_next(slot, held)
        while sum(map(len, new.values())) > MAX_WAITING:
            largest = max(new, key=lambda slot: len(new[slot]))
            self._deliver_next(largest, new[largest])

    def _flush_rest(self) -> None:
        for slot, held in self.waiting.items():
            while held:
                self._deliver_next(slot, held)
        self.waiting.clear()

    def _batch_size(self, slot: Slot) -> int:
        return self.destinations[slot.destination].batch_size

    def _deliver_next(self, slot: Slot, held: list[OutMessage]) -> None:
        size = len(held) if slot.batch_id else self._batch_size(slot)
        self.handovers[slot.destination].hand_over(held[:size])
        del held[:size]

    def _cancel_leftovers(self) -> None:
        """Cancel what cannot be delivered, so that a later plan may reserve it again."""
        troubled = {name: each.trouble for name, each in self.handovers.items() if each.trouble}
        for name, error in troubled.items():
            if isinstance(error, FixConfig):
                mine = MessageRow.destination == name
                self.emission.cancel("not_deliverable", mine, detail=error.what)
        rest = MessageRow.destination.not_in(troubled)
        why = "no snapshot or no destination"
        self.emission.cancel("not_deliverable", rest, detail=why)
