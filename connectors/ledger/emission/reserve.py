"""Reserve a slice of a plan: one write transaction, set-based, over a temporary table.

Loading the audience happens before the transaction; the write lock is held for the decisions
only. Everything a candidate competes with is read under that lock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from connectors.core.clock import as_utc
from connectors.core.errors import FixConfig, StopRun
from connectors.ledger.db import WRITE
from connectors.ledger.emission import last_look, rules
from connectors.ledger.emission.audience import (
    COMPARED,
    LEDGER_COLUMNS,
    LOADED,
    CapRule,
    chunks,
    ledger_rows,
)
from connectors.ledger.emission.reserved import Reserved, count
from connectors.ledger.emission.scratch import (
    CANDIDATES,
    drop,
    fresh,
    index_candidates,
    load,
    look_at,
)
from connectors.ledger.emission.transitions import (
    Move,
    audit,
    change,
    give_sequence,
    move,
    take_sequence,
)
from connectors.ledger.guards.stops import NOTHING_STOPS, Guarding, Stops
from connectors.ledger.models import Base, MessageRow

_C = CANDIDATES.c
MANY = 1_000
MESSAGES = Base.metadata.tables["messages"]
_PLAIN = tuple(name for name in LEDGER_COLUMNS.values() if name != "verdict")
_COPIED = tuple(name for name in _PLAIN if name != "message_key")


@dataclass(frozen=True)
class Reservation:
    """One slice being reserved, on one connection."""

    connection: Connection
    run_id: str
    planned_as_of: datetime
    at: datetime
    emission: str = ""
    stops: Stops = NOTHING_STOPS

    def step(self, from_state: str, to_state: str, detail: str | None = None) -> Move:
        """Describe a transition made by this reservation."""
        return Move(from_state, to_state, self.run_id, self.at, detail=detail)

    def plan(self) -> dict[str, Any]:
        """Return the columns that say whose message it is now."""
        when = self.planned_as_of
        return {"run_id": self.run_id, "planned_as_of": when, "emission": self.emission}


def reserve(
    engine: Engine,
    audience: Path,
    run_id: str,
    policy: Iterable[CapRule],
    *,
    destinations: Iterable[str],
    at: datetime,
    emission: str = "",
    stops: Stops = NOTHING_STOPS,
) -> Reserved:
    """Enter the audience into the ledger, each message at most once, and say what became of it.

    `emission` names the lease under which it is done. Raises `FixConfig` for a destination that is
    not set up and `StopRun` for an audience that breaks its contract; the ledger is then unchanged.
    """
    with engine.connect() as connection:
        with connection.begin():
            planned_as_of = load_candidates(connection, audience)
            _check_destinations(connection, frozenset(destinations))
        connection.execution_options(**{WRITE: True})
        with connection.begin():
            result = Reserved()
            if planned_as_of is not None:
                slice_ = Reservation(connection, run_id, planned_as_of, at, emission, stops)
                result = _decide(slice_, tuple(policy))
                last_look.note(connection, slice_.step("", "reserved"), result.reserved)
                if result.reserved >= MANY:  # else claims would read all of them, again and again
                    look_at(connection, MESSAGES)
            drop(connection, CANDIDATES)
    return result


def load_candidates(connection: Connection, audience: Path) -> datetime | None:
    """Load the candidates; return when they were planned, None if there are none."""
    fresh(connection, CANDIDATES)
    planned: set[datetime] = set()
    try:
        for chunk in chunks(audience, [*LEDGER_COLUMNS, *COMPARED, "planned_as_of"]):
            planned.update(as_utc(value) for value in chunk["planned_as_of"].unique().to_pylist())
            load(connection, CANDIDATES, LOADED, ledger_rows(chunk))
    except IntegrityError as error:
        what = "The audience holds a message twice"
        raise StopRun(what, str(audience), "Run decide again, then emit.") from error
    if len(planned) > 1:
        what = "The audience mixes several plans"
        raise StopRun(what, str(audience), "Run decide again, then emit.")
    index_candidates(connection)
    connection.execute(update(CANDIDATES).where(rules.rivals()).values(has_rival=True))
    return planned.pop() if planned else None


def _check_destinations(connection: Connection, known: frozenset[str]) -> None:
    wanted = set(connection.scalars(select(_C.destination).distinct()))
    missing = sorted(wanted - known)
    if missing:
        what = f"The plan asks for destinations that are not set up: {', '.join(missing)}"
        raise FixConfig(
            what,
            "programmes.csv, column destination",
            f"Set them up, or use one of: {', '.join(sorted(known))}.",
        )


def _decide(slice_: Reservation, policy: tuple[CapRule, ...]) -> Reserved:
    connection = slice_.connection
    take_sequence(connection)  # on PostgreSQL this row is the lock that serialises reservations
    known = select(MessageRow.message_key)
    connection.execute(update(CANDIDATES).where(_C.message_key.in_(known)).values(is_known=True))
    for rule in rules.ABSORBED:
        _rule(connection, rule.caught, ruling="absorbed", refusal=rule.reason)
    planned = slice_.planned_as_of
    news = rules.news(connection, planned)
    for rule in (*rules.refusals(planned), *news, *slice_.stops.rules(connection)):
        _rule(connection, rule.caught, ruling="refused", refusal=rule.reason)
    guarding = Guarding(connection, slice_.run_id, planned, slice_.stops.guards)
    guarding.judge()
    _admit(slice_, rules.service())
    caps = tuple(rules.cap_rules(policy, slice_.planned_as_of))
    while True:  # as many rounds as one person or address has candidates within its caps
        for rule in caps:
            _rule(connection, rule.caught, ruling="refused", refusal=rule.reason)
        if not _admit(slice_, rules.next_in_turn()):
            break
    guarding.count()
    _store_refusals(slice_)
    return count(connection)


def _rule(connection: Connection, caught: ColumnElement[bool], **values: str) -> int:
    statement = update(CANDIDATES).where(_C.ruling.is_(None), caught)
    return connection.execute(statement.values(**values)).rowcount


def _admit(slice_: Reservation, chosen: ColumnElement[bool]) -> int:
    """Give these candidates their slot: reserved, or held where the plan holds them out."""
    connection = slice_.connection
    admitted = _rule(connection, chosen, ruling="admit")
    if not admitted:
        return 0
    for verdict, state in (("send", "reserved"), ("hold", "held")):
        going = select(CANDIDATES).where(_C.ruling == "admit", _C.verdict == verdict)
        values = {"reserved_at": slice_.at, "refusal": None, "batch_id": None}
        back = slice_.step("cancelled", state)
        move(connection, going.where(_C.is_known), back, {**values, **slice_.plan()}, _COPIED)
        enter(slice_, going.where(~_C.is_known), slice_.step("", state), values)
    done = update(CANDIDATES).where(_C.ruling == "admit").values(ruling="admitted")
    if connection.execute(done.where(_C.verdict.in_(("send", "hold")))).rowcount != admitted:
        what = "The audience holds a verdict other than send and hold"
        raise StopRun(what, slice_.run_id, "Mend the decisions, run decide again, then emit.")
    return admitted


def enter(slice_: Reservation, chosen: Select[Any], step: Move, values: dict[str, Any]) -> int:
    """Put chosen candidates into the ledger as new messages; how many."""
    connection = slice_.connection
    base = take_sequence(connection)
    inner = chosen.subquery("chosen")
    row = {
        **{name: inner.c[name] for name in _PLAIN},
        **{
            name: literal(value, MessageRow.__table__.c[name].type)
            for name, value in {**values, **slice_.plan()}.items()
        },
        "state": literal(step.to_state),
        "attempts": literal(0),
        "change_seq": base + func.row_number().over(order_by=inner.c.message_key),
    }
    if "refusal" not in values:
        row["refusal"] = inner.c.refusal
    statement = insert(MessageRow).from_select(list(row), select(*row.values()))
    # Not every driver keeps the number of an insert without being asked to.
    counted = statement.execution_options(preserve_rowcount=True)
    inserted = connection.execute(counted).rowcount
    if inserted:
        give_sequence(connection, base + inserted)
        audit(connection, step, inserted)
    return inserted


def _store_refusals(slice_: Reservation) -> None:
    """Keep refusals as cancelled rows; one that was refused for the same reason stays as it is."""
    connection = slice_.connection
    refused = select(CANDIDATES).where(_C.ruling == "refused")
    reasons = select(_C.refusal).where(_C.ruling == "refused").distinct().order_by(_C.refusal)
    for reason in list(connection.scalars(reasons)):
        step = slice_.step("", "cancelled", detail=reason)
        enter(slice_, refused.where(_C.refusal == reason, ~_C.is_known), step, {})
    changed = refused.join(MessageRow, MessageRow.message_key == _C.message_key).where(
        MessageRow.refusal.is_distinct_from(_C.refusal)
    )
    change(connection, changed, slice_.plan(), (*_COPIED, "refusal"), "cancelled")
