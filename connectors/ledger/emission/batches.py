"""The ledger's side of a batch: claim it before it leaves, record or take back what became of it.

Each step is one transaction that begins with the lock on the numbering of changes, so whoever else
changes messages waits, or is seen.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, func, or_, select

from connectors.core.delivery import Destination, OutMessage
from connectors.core.errors import StopRun
from connectors.ledger.db import write
from connectors.ledger.emission import last_look
from connectors.ledger.emission.budgets import REAL_TIME, Pace
from connectors.ledger.emission.rules import MOST_ATTEMPTS
from connectors.ledger.emission.scratch import CLAIMS, claim, drop
from connectors.ledger.emission.transitions import Move, move, take_sequence
from connectors.ledger.emission.verdicts import Verdicts, record, stamps
from connectors.ledger.leases import Lease
from connectors.ledger.models import MessageRow

KEYS: Final = select(MessageRow.message_key)


@dataclass(frozen=True)
class Emission:
    """An emission at work: what the ledger knows it by, the lease it holds, and its times.

    `at` is what is recorded; `clock`, and by how much real time is later, say before each batch
    leaves whether it is still time.
    """

    engine: Engine
    run_id: str
    name: str
    at: datetime
    lease: Lease
    clock: Callable[[], datetime]
    pace: Pace = REAL_TIME

    def mine(self, state: str) -> tuple[ColumnElement[bool], ...]:
        """Tell its messages in a state."""
        of_it = MessageRow.run_id == self.run_id, MessageRow.emission == self.name
        return (*of_it, MessageRow.state == state)

    def step(self, from_state: str, to_state: str, batch_id: str | None = None) -> Move:
        """Describe a transition made by this emission."""
        return Move(from_state, to_state, self.run_id, self.at, batch_id)

    def cancel(self, refusal: str, *where: ColumnElement[bool], detail: str = "") -> int:
        """Cancel what it has reserved and `where` is true of; how many messages."""
        way = Move("reserved", "cancelled", self.run_id, self.at, detail=detail or refusal)
        keys = KEYS.where(*self.mine("reserved"), *where)
        with write(self.engine) as connection:
            return move(connection, keys, way, {"refusal": refusal})

    def cancel_used_up(self) -> int:
        """Cancel what was handed over as often as a message may be."""
        return self.cancel("attempts_used_up", MessageRow.attempts >= MOST_ATTEMPTS)


class Batch(NamedTuple):
    """Messages that are `delivering`; `fence` is how the ledger tells this attempt from another."""

    batch_id: str
    messages: Sequence[OutMessage]
    fence: tuple[int, int]

    @property
    def keys(self) -> list[str]:
        """The keys of its messages."""
        return [message.message_key for message in self.messages]


def batch_id_of(message_keys: Iterable[str]) -> str:
    """Name a batch by its messages, so that the same messages make the same batch."""
    return sha256("\n".join(sorted(message_keys)).encode()).hexdigest()[:32]


def claim_batch(
    emission: Emission,
    messages: Sequence[OutMessage],
    announce: Callable[[str], object] | None = None,
) -> Batch | None:
    """Commit messages as `delivering`, but for those that must not leave any more; None if none.

    `announce` hears the batch's id before that. Raises `StopRun` when the lease was lost.
    """
    emission.lease.check()
    with write(emission.engine) as connection:
        take_sequence(connection)
        going, stopped = _claim(emission, connection, messages)
        batch_id = batch_id_of(going)
        step = emission.step("reserved", "delivering", batch_id)
        last_look.note(connection, step, len(going), stopped)
        attempts = MessageRow.attempts + 1
        move(connection, select(CLAIMS), step, {"batch_id": batch_id, "attempts": attempts})
        drop(connection, CLAIMS)
        fence = _fence(emission, connection, batch_id)
        if going and announce:
            announce(batch_id)
    if not going:
        return None
    left = messages
    if len(going) < len(messages):
        left = [each for each in messages if each.message_key in going]
    return Batch(batch_id, left, fence)


def _claim(
    emission: Emission, connection: Connection, messages: Sequence[OutMessage]
) -> tuple[set[str], int]:
    """Claim what may leave; cancel, and count, what may not. Most often all of it may."""
    keys = [message.message_key for message in messages]
    claim(connection, keys)
    # Not a join: SQLite would begin one with the bigger table, and read all of it.
    claimed = KEYS.where(MessageRow.message_key.in_(select(CLAIMS)))
    mine = claimed.where(*emission.mine("reserved"))
    free = mine.where(~or_(*last_look.stops(connection).values())).subquery()
    late = _expired(emission, messages)
    if not late and connection.scalar(select(func.count()).select_from(free)) == len(keys):
        return {*keys}, 0
    # Somebody else may have cancelled some of it since it was read.
    reserved = {*connection.scalars(mine)}
    _cancel(emission, connection, reserved & late, "expired")
    step = emission.step("reserved", "delivering")
    going = {*last_look.may_go(connection, step, sorted(reserved - late))}
    return going, len(reserved) - len(going)


def _expired(emission: Emission, messages: Sequence[OutMessage]) -> set[str]:
    now = emission.clock() + max(emission.pace.late(), timedelta())
    return {each.message_key for each in messages if each.expires_at and each.expires_at <= now}


def _cancel(emission: Emission, connection: Connection, keys: set[str], refusal: str) -> None:
    if keys:
        claim(connection, sorted(keys))
        way = Move("reserved", "cancelled", emission.run_id, emission.at, detail=refusal)
        move(connection, select(CLAIMS), way, {"refusal": refusal})


def record_batch(
    emission: Emission, batch: Batch, verdicts: Verdicts, destination: Destination
) -> None:
    """Record what became of each message of a batch.

    Raises `StopRun`, and records nothing, if somebody else took the batch over meanwhile.
    """
    with write(emission.engine) as connection:
        _check(emission, connection, batch)
        # What the destination has told is as good as read back: some of it may wait again.
        step = replace(emission.step("delivering", "", batch.batch_id), is_reconciled=True)
        record(connection, step, verdicts, stamps(destination, emission.at))


def take_back(
    emission: Emission, batch: Batch, why: str, *, counts: bool, keeps_id: bool = True
) -> None:
    """Let a batch wait again, of which surely nothing arrived; raises as `record_batch` does.

    `counts`: this was one of the attempts that its messages have. With `keeps_id` it is the same
    batch when it is delivered again.
    """
    values: dict[str, Any] = {} if keeps_id else {"batch_id": None}
    if not counts:
        values["attempts"] = MessageRow.attempts - 1
    way = Move(
        "delivering",
        "reserved",
        emission.run_id,
        emission.at,
        batch.batch_id,
        why,
        is_reconciled=True,
    )
    keys = KEYS.where(MessageRow.batch_id == batch.batch_id, *emission.mine("delivering"))
    with write(emission.engine) as connection:
        _check(emission, connection, batch)
        move(connection, keys, way, values)


def _check(emission: Emission, connection: Connection, batch: Batch) -> None:
    take_sequence(connection)
    if _fence(emission, connection, batch.batch_id) != batch.fence:
        what = "Somebody else took this batch over while it was under way"
        raise StopRun(what, f"batch {batch.batch_id}", "Nothing was recorded. Run again.")


def _fence(emission: Emission, connection: Connection, batch_id: str) -> tuple[int, int]:
    """Return messages and attempts of a batch under way: another attempt adds to them."""
    counted = func.count(), func.coalesce(func.sum(MessageRow.attempts), 0)
    mine = MessageRow.batch_id == batch_id, *emission.mine("delivering")
    messages, attempts = connection.execute(select(*counted).where(*mine)).one()
    return messages, int(attempts)
