"""The last look before messages leave, and how old the facts were that it was taken on.

A batch is claimed and looked at in one transaction: what was suppressed or withdrawn before it is
never sent. What is withdrawn later finds it gone; the table `late_withdrawals` lists those.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Index,
    Integer,
    String,
    insert,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from connectors.core.clock import utc_now
from connectors.ledger import facts
from connectors.ledger.emission.rules import MARKETING, suppressed
from connectors.ledger.emission.scratch import CLAIMS, claim
from connectors.ledger.emission.transitions import Move, move, take_sequence
from connectors.ledger.guards import pauses
from connectors.ledger.models import Base, MessageRow

# At a reservation there is no batch yet.
RESERVATION = ""


class LookRow(Base):
    """A look at a reservation, or at a batch that was about to leave.

    `facts_as_of` is the clock of the run that told the newest facts known then, `age_seconds` how
    long before, by the wall clock, it had begun to read; both null where none had told any.
    """

    __tablename__ = "looks"
    __table_args__ = (Index("looks_by_run", "run_id"),)

    # SQLite numbers rows by itself for INTEGER keys only.
    look_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    run_id: Mapped[str] = mapped_column(String)
    batch_id: Mapped[str]
    looked_at: Mapped[datetime]
    facts_as_of: Mapped[datetime | None]
    age_seconds: Mapped[int | None] = mapped_column(Integer)
    messages: Mapped[int] = mapped_column(Integer)
    stopped: Mapped[int] = mapped_column(Integer)


@dataclass(frozen=True)
class Ages:
    """How old the facts were, in seconds, for half and for 99 % of the messages that left."""

    p50: int
    p99: int
    messages: int


def may_go(connection: Connection, step: Move, keys: Sequence[str]) -> list[str]:
    """Claim messages that are about to leave (`scratch.claim`), but for those that must not.

    Those are cancelled. Call it in the transaction of the claim, which `step` describes; what it
    returns is what the claim may move on.
    """
    # Whoever posts waits for this lock: what they tell is seen here, or comes after the claim.
    take_sequence(connection)
    claim(connection, keys)
    stopped: set[str] = set()
    for refusal, caught in stops(connection).items():
        # Not a join: SQLite would begin one with the bigger table, and read all of it.
        mine = select(MessageRow.message_key).where(MessageRow.message_key.in_(select(CLAIMS)))
        caught_keys = mine.where(MessageRow.state == step.from_state, caught)
        found = list(connection.scalars(caught_keys))
        if found:
            away = replace(step, to_state="cancelled", batch_id=None, detail=refusal)
            move(connection, caught_keys, away, {"refusal": refusal})
            stopped.update(found)
    if stopped:
        keys = [key for key in keys if key not in stopped]
        claim(connection, keys)
    return list(keys)


def stops(connection: Connection) -> dict[str, ColumnElement[bool]]:
    """By refusal, what tells that a message must not leave although it was reserved."""
    address, purpose, planned = (
        MessageRow.address_hash,
        MessageRow.purpose,
        MessageRow.planned_as_of,
    )
    gone = facts.withdrawn(address, MessageRow.channel, purpose, planned)
    caught = {
        "suppressed": suppressed(address, purpose, planned),
        "withdrawn": (purpose == MARKETING) & gone,
    }
    if pauses.any_open(connection):  # asked once: it is hardly ever so, and dear for each message
        caught[pauses.PAUSED] = pauses.is_paused(MessageRow.programme, purpose)
    return caught


def note(
    connection: Connection,
    step: Move,
    messages: int,
    stopped: int = 0,
    *,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Note a look at so many messages, and the age of the facts that it was taken on."""
    at = now()
    newest = facts.newest_reading(connection)
    row = {
        "run_id": step.run_id,
        "batch_id": step.batch_id or RESERVATION,
        "looked_at": at,
        "facts_as_of": newest.as_of if newest else None,
        "age_seconds": _seconds(at - newest.read_at) if newest else None,
        "messages": messages,
        "stopped": stopped,
    }
    connection.execute(insert(LookRow), [row])


def _seconds(age: timedelta) -> int:
    return max(0, round(age.total_seconds()))


def ages(engine: Engine, run_id: str) -> Ages | None:
    """Return how old the facts were when the messages of a run left; None where none left."""
    query = (
        select(LookRow.age_seconds, LookRow.messages)
        .where(
            LookRow.run_id == run_id,
            LookRow.batch_id != RESERVATION,
            LookRow.age_seconds.is_not(None),
            LookRow.messages > 0,
        )
        .order_by(LookRow.age_seconds)
    )
    with engine.connect() as connection:
        found = [(age or 0, messages) for age, messages in connection.execute(query)]
    if not found:
        return None
    return Ages(_percentile(found, 50), _percentile(found, 99), sum(n for _, n in found))


def _percentile(ages_: Sequence[tuple[int, int]], percent: int) -> int:
    """The smallest age that so many of the messages do not exceed; sorted by age."""
    wanted, seen = sum(messages for _, messages in ages_) * percent, 0
    for age, messages in ages_:
        seen += messages
        if seen * 100 >= wanted:
            return age
    return ages_[-1][0]
