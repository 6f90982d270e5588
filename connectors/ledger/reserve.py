"""Reserve a slice of a plan: one write transaction, set-based, over a temporary table.

Loading the audience happens before the transaction; the write lock is held for the decisions
only. Everything a candidate competes with is read under that lock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from connectors.core.clock import as_utc
from connectors.core.errors import FixConfig, StopRun
from connectors.ledger import rules
from connectors.ledger.audience import LEDGER_COLUMNS, CapRule, chunks, ledger_rows
from connectors.ledger.db import WRITE
from connectors.ledger.models import MessageRow
from connectors.ledger.scratch import CANDIDATES, drop, fresh, index_candidates, load
from connectors.ledger.transitions import (
    Move,
    audit,
    change,
    give_sequence,
    move,
    take_sequence,
)

_C = CANDIDATES.c
_PLAIN = tuple(name for name in LEDGER_COLUMNS.values() if name != "verdict")
_COPIED = tuple(name for name in _PLAIN if name != "message_key")


@dataclass(frozen=True)
class Reserved:
    """What became of a slice: numbers of messages; `refused` by reason."""

    reserved: int = 0
    held: int = 0
    absorbed: int = 0
    refused: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Reservation:
    """One slice being reserved, on one connection."""

    connection: Connection
    run_id: str
    planned_as_of: datetime
    at: datetime

    def step(self, from_state: str, to_state: str, detail: str | None = None) -> Move:
        """Describe a transition made by this reservation."""
        return Move(from_state, to_state, self.run_id, self.at, detail=detail)


def reserve(
    engine: Engine,
    audience: Path,
    run_id: str,
    policy: Iterable[CapRule],
    *,
    destinations: Iterable[str],
    at: datetime,
) -> Reserved:
    """Enter the audience into the ledger, each message at most once, and say what became of it.

    Raises `FixConfig` for a destination that is not set up and `StopRun` for an audience that
    breaks its contract; the ledger is then unchanged.
    """
    with engine.connect() as connection:
        with connection.begin():
            planned_as_of = _load(connection, audience)
            _check_destinations(connection, frozenset(destinations))
        connection.execution_options(**{WRITE: True})
        with connection.begin():
            result = Reserved()
            if planned_as_of is not None:
                slice_ = Reservation(connection, run_id, planned_as_of, at)
                result = _decide(slice_, tuple(policy))
            drop(connection, CANDIDATES)
    return result


def _load(connection: Connection, audience: Path) -> datetime | None:
    """Load the candidates; return when they were planned, None if there are none."""
    fresh(connection, CANDIDATES)
    planned: set[datetime] = set()
    names = list(LEDGER_COLUMNS.values())
    try:
        for chunk in chunks(audience, [*LEDGER_COLUMNS, "planned_as_of"]):
            planned.update(as_utc(value) for value in chunk["planned_as_of"].unique().to_pylist())
            load(connection, CANDIDATES, names, ledger_rows(chunk))
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
    for rule in rules.refusals(slice_.planned_as_of):
        _rule(connection, rule.caught, ruling="refused", refusal=rule.reason)
    _admit(slice_, rules.service())
    caps = tuple(rules.cap_rules(policy, slice_.planned_as_of))
    while True:  # as many rounds as one person or address has candidates within its caps
        for rule in caps:
            _rule(connection, rule.caught, ruling="refused", refusal=rule.reason)
        if not _admit(slice_, rules.next_in_turn()):
            break
    _store_refusals(slice_)
    return _count(connection)


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
        plan = {"run_id": slice_.run_id, "planned_as_of": slice_.planned_as_of}
        back = slice_.step("cancelled", state)
        move(connection, going.where(_C.is_known), back, {**values, **plan}, _COPIED)
        _insert(slice_, going.where(~_C.is_known), slice_.step("", state), values)
    done = update(CANDIDATES).where(_C.ruling == "admit").values(ruling="admitted")
    if connection.execute(done.where(_C.verdict.in_(("send", "hold")))).rowcount != admitted:
        what = "The audience holds a verdict other than send and hold"
        raise StopRun(what, slice_.run_id, "Mend the decisions, run decide again, then emit.")
    return admitted


def _insert(slice_: Reservation, chosen: Select[Any], step: Move, values: dict[str, Any]) -> None:
    connection = slice_.connection
    base = take_sequence(connection)
    inner = chosen.subquery("chosen")
    row = {
        **{name: inner.c[name] for name in _PLAIN},
        **{
            name: literal(value, MessageRow.__table__.c[name].type)
            for name, value in values.items()
        },
        "run_id": literal(slice_.run_id),
        "planned_as_of": literal(slice_.planned_as_of, MessageRow.planned_as_of.type),
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


def _store_refusals(slice_: Reservation) -> None:
    """Keep refusals as cancelled rows; one that was refused for the same reason stays as it is."""
    connection = slice_.connection
    refused = select(CANDIDATES).where(_C.ruling == "refused")
    reasons = select(_C.refusal).where(_C.ruling == "refused").distinct().order_by(_C.refusal)
    for reason in list(connection.scalars(reasons)):
        step = slice_.step("", "cancelled", detail=reason)
        _insert(slice_, refused.where(_C.refusal == reason, ~_C.is_known), step, {})
    changed = refused.join(MessageRow, MessageRow.message_key == _C.message_key).where(
        MessageRow.refusal.is_distinct_from(_C.refusal)
    )
    plan = {"run_id": slice_.run_id, "planned_as_of": slice_.planned_as_of}
    change(connection, changed, plan, (*_COPIED, "refusal"), "cancelled")


def _count(connection: Connection) -> Reserved:
    reason = case((_C.ruling == "refused", _C.refusal), else_="")
    columns = (_C.ruling, case((_C.ruling == "admitted", _C.verdict), else_=""), reason)
    result: dict[str, int] = {}
    refused: dict[str, int] = {}
    for ruling, verdict, why, rows in connection.execute(
        select(*columns, func.count()).group_by(*columns)
    ):
        if ruling == "refused":
            refused[why] = rows
        else:
            result[verdict or ruling] = rows
    return Reserved(
        reserved=result.get("send", 0),
        held=result.get("hold", 0),
        absorbed=result.get("absorbed", 0),
        refused=refused,
    )
