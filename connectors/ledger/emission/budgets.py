"""How often a destination may be called: one budget for all processes, kept in the ledger.

A budget of n calls in s seconds is n slots. A slot is taken before a call, and is free again s
seconds after that call has ended: wherever in between the call was counted at the other side, no
window of s seconds holds more than n.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Integer,
    String,
    extract,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from connectors.core.delivery import CallBudget
from connectors.ledger.db import write
from connectors.ledger.emission.transitions import take_sequence
from connectors.ledger.models import Base

MICRO = 1_000_000
FREE = 0


class BudgetSlotRow(Base):
    """When a slot of a destination's budget was used last, in microseconds of Unix time."""

    __tablename__ = "budget_slots"

    destination: Mapped[str] = mapped_column(String, primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    used_at_us: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True)
class Pace:
    """Real time, for waiting only; what is recorded has the run's clock.

    `now` gives Unix seconds. Without it the database's clock counts on PostgreSQL, since several
    machines may share it, and this machine's on SQLite. `late`: how much later it is by now than
    the emission's clock says, for one that stands still while the run works.
    """

    now: Callable[[], float] | None = None
    sleep: Callable[[float], None] = time.sleep
    late: Callable[[], timedelta] = timedelta


REAL_TIME: Final = Pace()


@contextmanager
def call_within(
    engine: Engine, destination: str, budget: CallBudget | None, pace: Pace
) -> Iterator[None]:
    """Wait for a slot of the budget, make one call in it, and say that it has ended."""
    if budget is None:
        yield
        return
    while (got := _take(engine, destination, budget, pace))[0] > 0:
        pace.sleep(got[0])
    try:
        yield
    finally:
        with write(engine) as connection:
            _use(connection, destination, got[1], _now(connection, pace))


def _take(engine: Engine, destination: str, budget: CallBudget, pace: Pace) -> tuple[float, int]:
    """Take the slot that was used the longest ago: (0, slot), or the seconds to wait for it."""
    slots = BudgetSlotRow.slot, BudgetSlotRow.used_at_us
    mine = BudgetSlotRow.destination == destination, BudgetSlotRow.slot < budget.calls
    window = int(budget.seconds * MICRO)
    _make_slots(engine, destination, budget.calls)
    with write(engine) as connection:
        oldest = select(*slots).where(*mine).order_by(slots[1], slots[0]).limit(1)
        found = connection.execute(oldest.with_for_update(skip_locked=True)).one_or_none()
        now = _now(connection, pace)
        if found is None:  # others are taking all of them right now
            return (budget.seconds / budget.calls, 0)
        if found.used_at_us > now:  # the clock went back
            _use(connection, destination, found.slot, now)
            return (budget.seconds, 0)
        wait = found.used_at_us + window - now
        if wait > 0:
            return (wait / MICRO, 0)
        _use(connection, destination, found.slot, now)
    return (0.0, found.slot)


def _make_slots(engine: Engine, destination: str, calls: int) -> None:
    """Make the slots that are missing, one process at a time."""
    mine = BudgetSlotRow.destination == destination
    count = select(func.count()).select_from(BudgetSlotRow).where(mine)
    with engine.connect() as connection:
        if (connection.scalar(count) or 0) >= calls:
            return
    with write(engine) as connection:
        take_sequence(connection)
        there = connection.scalar(count) or 0
        rows = [
            {"destination": destination, "slot": slot, "used_at_us": FREE}
            for slot in range(there, calls)
        ]
        if rows:
            connection.execute(insert(BudgetSlotRow), rows)


def _use(connection: Connection, destination: str, slot: int, now: int) -> None:
    mine = BudgetSlotRow.destination == destination, BudgetSlotRow.slot == slot
    connection.execute(update(BudgetSlotRow).where(*mine).values(used_at_us=now))


def _now(connection: Connection, pace: Pace) -> int:
    if pace.now is not None:
        return int(pace.now() * MICRO)
    if connection.dialect.name == "postgresql":
        epoch = extract("epoch", func.clock_timestamp())
        return int((connection.scalar(select(epoch)) or 0) * MICRO)
    return time.time_ns() // 1_000
