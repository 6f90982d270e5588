"""What may have been sent without the ledger's knowing becomes `unknown`, never a second message.

After a backup was restored, that is what was on its way when the backup was taken, and whatever
plans made since then wanted to send. It holds its slot and counts for the caps.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, insert, select, update
from sqlalchemy.orm import aliased

from connectors.ledger.emission import rules
from connectors.ledger.emission.reserve import Reservation, enter, load_candidates
from connectors.ledger.emission.scratch import CANDIDATES, CLAIMS, drop, fresh
from connectors.ledger.emission.transitions import Move, move
from connectors.ledger.models import MessageRow

DETAIL = "may have been sent after the backup was taken"
# Somebody may have let these through later, without another plan.
LET_THROUGH_LATER = ("held_by_guard",)
_C = CANDIDATES.c


@dataclass(frozen=True)
class Plan:
    """A plan that the ledger does not know to its end: its run, and what that may have sent."""

    run_id: str
    audiences: tuple[Path, ...]


def own_up(connection: Connection, plans: Iterable[Plan], at: datetime) -> int:
    """Make everything that may have been sent unknown; how many messages that are.

    `at` is the clock of this change. To be called within the transaction that restores.
    """
    found = sum(_under_way(connection, state, at) for state in ("reserved", "delivering"))
    found += _held_by_guards(connection, at)
    return found + sum(_planned(connection, plan, at) for plan in plans)


def _under_way(connection: Connection, state: str, at: datetime) -> int:
    groups = (MessageRow.run_id, MessageRow.batch_id)
    query = select(*groups).where(MessageRow.state == state).distinct()
    found = 0
    for run_id, batch_id in sorted(connection.execute(query).tuples(), key=str):
        keys = select(MessageRow.message_key).where(
            MessageRow.run_id == run_id,
            MessageRow.batch_id.is_not_distinct_from(batch_id),
            MessageRow.state == state,
        )
        found += _walk(connection, keys, Move(state, "", run_id, at, batch_id))
    return found


def _held_by_guards(connection: Connection, at: datetime) -> int:
    other = aliased(MessageRow)
    same = [getattr(other, name) == getattr(MessageRow, name) for name in rules.ONCE]
    taken = exists().where(and_(*same), other.refusal.is_(None))
    held = MessageRow.refusal.in_(LET_THROUGH_LATER), ~taken
    runs = select(MessageRow.run_id).where(*held).distinct()
    found = 0
    for run_id in sorted(connection.scalars(runs)):
        keys = select(MessageRow.message_key).where(MessageRow.run_id == run_id, *held)
        found += _walk(connection, keys, Move("cancelled", "", run_id, at))
    return found


def _planned(connection: Connection, plan: Plan, at: datetime) -> int:
    """Enter what a plan wanted to send and what holds no slot yet."""
    found = 0
    for audience in plan.audiences:
        planned_as_of = load_candidates(connection, audience)
        if planned_as_of is not None:
            _absorb(connection)
            slice_ = Reservation(connection, plan.run_id, planned_as_of, at)
            found += _enter(slice_)
        drop(connection, CANDIDATES)
    return found


def _absorb(connection: Connection) -> None:
    """Leave out what holds a slot already."""
    known = select(MessageRow.message_key)
    connection.execute(update(CANDIDATES).where(_C.message_key.in_(known)).values(is_known=True))
    for rule in rules.ABSORBED:
        statement = update(CANDIDATES).where(_C.ruling.is_(None), rule.caught)
        connection.execute(statement.values(ruling="absorbed"))


def _enter(slice_: Reservation) -> int:
    sent = select(CANDIDATES).where(_C.ruling.is_(None), _C.verdict == "send")
    known = sent.where(_C.is_known).with_only_columns(_C.message_key)
    found = _walk(slice_.connection, known, Move("cancelled", "", slice_.run_id, slice_.at))
    values = {"reserved_at": slice_.planned_as_of, "refusal": None, "batch_id": None}
    step = Move("", "unknown", slice_.run_id, slice_.at, detail=DETAIL)
    return found + enter(slice_, sent.where(~_C.is_known), step, values)


def _walk(connection: Connection, keys: Select[Any], start: Move) -> int:
    """Lead messages to `unknown` by the ways that there are; their audit says why."""
    fresh(connection, CLAIMS)
    connection.execute(insert(CLAIMS).from_select(["message_key"], keys))
    way = ("cancelled", "reserved", "delivering", "unknown")
    steps = way[way.index(start.from_state) :]
    values: dict[str, dict[str, Any]] = {"reserved": {"refusal": None, "reserved_at": start.at}}
    moved = 0
    for here, there in pairwise(steps):
        step = replace(start, from_state=here, to_state=there, detail=DETAIL)
        moved = move(connection, select(CLAIMS), step, values.get(there))
    drop(connection, CLAIMS)
    return moved
