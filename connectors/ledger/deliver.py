"""Deliver what is reserved: reserved -> delivering, committed, then the destination, then record.

The audience is read once, in chunks; what is waiting to fill a batch is bounded.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Engine, insert, select

from connectors.core.clock import as_utc
from connectors.core.delivery import Destination, Outcome, OutMessage
from connectors.core.errors import StopRun
from connectors.ledger.audience import chunks
from connectors.ledger.db import write
from connectors.ledger.models import MessageAuditRow, MessageRow
from connectors.ledger.scratch import CLAIMS, claim, drop
from connectors.ledger.transitions import Move, audit_row, move

MAX_WAITING = 20_000
COLUMNS = [
    *("message_key", "address", "person_id", "programme", "campaign_id", "step", "variant"),
    *("channel", "send_after", "content", "evidence"),
]
_KEYS = select(MessageRow.message_key)
# message_key -> state and detail
Verdicts = Mapping[str, tuple[str, str]]


class Slot(NamedTuple):
    """Messages that may share a batch. `batch_id` is set for one that is delivered once more."""

    destination: str
    programme: str
    batch_id: str | None


@dataclass
class Delivery:
    """The delivery of one run's reserved messages; `tally` counts outcomes by state."""

    engine: Engine
    run_id: str
    destinations: Mapping[str, Destination]
    at: datetime
    tally: Counter[str] = field(default_factory=Counter)
    waiting: dict[Slot, list[OutMessage]] = field(default_factory=dict)

    def run(self, audiences: Iterable[Path]) -> None:
        """Deliver what is reserved and stands in these files; cancel what stands in none."""
        if not self._open_messages():
            return
        for audience in audiences:
            for chunk in chunks(audience, COLUMNS):
                self._add(chunk)
                self._flush_full()
        self._flush_rest()
        self._cancel_leftovers()

    def _open_messages(self, *where: ColumnElement[bool]) -> dict[str, Slot]:
        columns = (MessageRow.destination, MessageRow.programme, MessageRow.batch_id)
        query = select(MessageRow.message_key, *columns).where(
            MessageRow.run_id == self.run_id, MessageRow.state == "reserved", *where
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query if where else query.limit(1)).all()
        return {key: Slot(*slot) for key, *slot in rows}

    def _add(self, chunk: pa.RecordBatch) -> None:
        keys: list[str] = chunk.column("message_key").to_pylist()
        if not keys:
            return
        open_ = self._open_messages(MessageRow.message_key.between(min(keys), max(keys)))
        places = [place for place, key in enumerate(keys) if key in open_]
        for message in out_messages(chunk.take(pa.array(places, pa.int64()))):
            slot = open_[message.message_key]
            if slot.destination in self.destinations:
                self.waiting.setdefault(slot, []).append(message)

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
        self._deliver(slot, held[:size])
        del held[:size]

    def _deliver(self, slot: Slot, messages: list[OutMessage]) -> None:
        keys = [message.message_key for message in messages]
        batch_id = slot.batch_id or batch_id_of(keys)
        step = Move("reserved", "delivering", self.run_id, self.at, batch_id)
        with write(self.engine) as connection:
            claim(connection, keys)
            attempts = MessageRow.attempts + 1
            move(connection, select(CLAIMS), step, {"batch_id": batch_id, "attempts": attempts})
            drop(connection, CLAIMS)
        destination = self.destinations[slot.destination]
        verdicts = settle(keys, destination.deliver(batch_id, messages))
        step = replace(step, from_state="delivering", to_state="")
        with write(self.engine) as connection:
            record(connection, step, verdicts, stamps(destination, self.at))
        self.tally.update(state for state, _ in verdicts.values())

    def _cancel_leftovers(self) -> None:
        """Cancel what cannot be delivered, so that a later plan may reserve it again."""
        left = _KEYS.where(MessageRow.run_id == self.run_id, MessageRow.state == "reserved")
        step = Move(
            "reserved", "cancelled", self.run_id, self.at, detail="no snapshot or no destination"
        )
        with write(self.engine) as connection:
            move(connection, left, step, {"refusal": "not_deliverable"})


def batch_id_of(message_keys: Iterable[str]) -> str:
    """Name a batch by its messages, so that the same messages make the same batch."""
    return sha256("\n".join(sorted(message_keys)).encode()).hexdigest()[:32]


def out_messages(rows: pa.RecordBatch) -> Iterator[OutMessage]:
    """Yield the messages of rows of the snapshot. Raises `StopRun` for content that isn't JSON."""
    columns = [rows.column(name).to_pylist() for name in COLUMNS]
    instants = {
        each: as_utc(each) for each in rows.column("send_after").unique().to_pylist() if each
    }
    for key, address, person_id, programme, campaign_id, step, *rest in zip(*columns, strict=True):
        variant, channel, send_after, content, evidence = rest
        yield OutMessage(
            message_key=key,
            address=address,
            person_id=person_id,
            programme=programme,
            campaign_id=campaign_id or "",
            step=step or 0,
            variant=variant or "",
            channel=channel,
            send_after=instants.get(send_after),
            content=_json(content, key),
            evidence=_json(evidence, key),
        )


def _json(text: str | None, message_key: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = orjson.loads(text or "{}")
    except orjson.JSONDecodeError as error:
        what = "Content or evidence of a message is not JSON"
        remedy = "Mend the programme's model, run decide again, then emit."
        raise StopRun(what, f"message {message_key}", remedy) from error
    return value


def stamps(destination: Destination | None, at: datetime) -> dict[str, dict[str, Any]]:
    """Return the columns that go with a state.

    Accepting is sending where the destination says so (files, call lists); feedback tells
    `sent_at` of the others.
    """
    accepted: dict[str, Any] = {"accepted_at": at}
    if getattr(destination, "accepted_is_sent", False):
        accepted["sent_at"] = at
    return {"accepted": accepted}


def settle(keys: Iterable[str], outcomes: Iterable[Outcome]) -> Verdicts:
    """Return one verdict per message: no answer, or two that differ, means unknown."""
    said: dict[str, tuple[str, str]] = {}
    for outcome in outcomes:
        verdict = (outcome.state, outcome.detail)
        if said.setdefault(outcome.message_key, verdict)[0] != outcome.state:
            said[outcome.message_key] = ("unknown", "the destination gave two answers")
    silent = ("unknown", "the destination did not mention it")
    return {key: said.get(key, silent) for key in keys}


def record(
    connection: Connection,
    step: Move,
    verdicts: Verdicts,
    values: Mapping[str, Mapping[str, Any]],
) -> None:
    """Move the messages of a batch out of `step.from_state`, each to its verdict.

    `values` are the columns that go with a state. The most frequent state is audited as the
    batch's own; a message that differs from it is audited by itself.
    """
    by_state: dict[str, list[str]] = {}
    for key, (state, _) in verdicts.items():
        by_state.setdefault(state, []).append(key)
    first, *others = sorted(by_state, key=lambda state: (-len(by_state[state]), state))
    for state in others:
        differing = {key: verdicts[key][1] for key in by_state[state]}
        _record_differing(connection, replace(step, to_state=state), differing, values.get(state))
    drop(connection, CLAIMS)
    rest = _KEYS.where(MessageRow.batch_id == step.batch_id, MessageRow.state == step.from_state)
    detail = step.detail or verdicts[by_state[first][0]][1]
    going = replace(step, to_state=first, detail=detail)
    moved = move(connection, rest, going, values.get(first))
    if moved != len(by_state[first]):
        what = f"{moved} messages were {step.from_state}, {len(by_state[first])} were expected"
        raise StopRun(
            what,
            f"batch {step.batch_id}",
            "Nothing was recorded. Run again, and report it if it stays.",
        )


def _record_differing(
    connection: Connection, step: Move, details: Mapping[str, str], values: Mapping[str, Any] | None
) -> None:
    claim(connection, details)
    move(connection, select(CLAIMS), replace(step, is_audited=False), values)
    rows = [audit_row(replace(step, detail=detail), 1, key) for key, detail in details.items()]
    connection.execute(insert(MessageAuditRow), rows)
