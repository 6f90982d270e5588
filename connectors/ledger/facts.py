"""What became known since a plan was made: each run tells the ledger before it plans itself.

A plan may leave a while after it was made. A run in between may have landed an order, an opt-out,
the end of a stock: what is about to be reserved, or to leave, is compared with those facts. They
are news, kept for days; what is older every plan has judged by itself.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Index,
    Integer,
    String,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column
from sqlalchemy.sql.elements import SQLColumnExpression

from connectors.ledger.columns import one_of
from connectors.ledger.db import write
from connectors.ledger.emission.transitions import take_sequence
from connectors.ledger.models import Base, BatchRow, RunBatchRow, RunRow

Moment = datetime | SQLColumnExpression[datetime]

KINDS = ("goal_reached", "withdrawn", "permitted", "out_of_stock", "in_stock")
# No plan waits longer than that; the model int_news looks back as far.
KEPT = timedelta(days=14)
CHUNK_ROWS = 2_000


class FactRow(Base):
    """A fact that a run brought. `known_at` is the clock of that run: earlier plans miss it.

    By kind, its subject and what: goal_reached: an address of the person, or the account, and the
    goal; withdrawn, permitted: the address and channel/purpose; out_of_stock, in_stock: the product
    and ''. Addresses, by their hashes, outlast a merge of two people; ids of people do not.
    """

    __tablename__ = "facts"
    __table_args__ = (
        one_of("kind", KINDS),
        Index("facts_by_subject", "subject", "what", "kind", "known_at"),
        Index("facts_by_known_at", "known_at"),
    )

    fact_key: Mapped[str] = mapped_column(String, primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    what: Mapped[str]
    occurred_at: Mapped[datetime]
    known_at: Mapped[datetime]


class ReadingRow(Base):
    """A run that told what it learned: its clock, and when it began to read (no run's clock)."""

    __tablename__ = "readings"

    run_id: Mapped[str] = mapped_column(String, primary_key=True)
    as_of: Mapped[datetime]
    read_at: Mapped[datetime]
    facts: Mapped[int] = mapped_column(Integer)


class Fact(NamedTuple):
    """A fact as a run tells it, in the order of the columns of the model int_news."""

    fact_key: str
    kind: str
    subject: str
    what: str
    occurred_at: datetime


def post(
    engine: Engine, run_id: str, as_of: datetime, facts: Iterable[Fact], *, read_at: datetime
) -> int:
    """Add the facts that no run has told before, all or none; how many were added.

    A run that does so again adds nothing. `read_at` is when the run began to read its sources, by
    the wall clock: how old its facts are is counted from there.
    """
    remaining, added = iter(facts), 0
    with write(engine) as connection:
        # Whatever batch leaves next knows all of it: claims are made under the same lock.
        take_sequence(connection)
        connection.execute(delete(FactRow).where(FactRow.known_at < as_of - KEPT))
        while chunk := list(islice(remaining, CHUNK_ROWS)):
            added += _add(connection, {each.fact_key: each for each in chunk}, as_of)
        _note(connection, run_id, as_of, read_at, added)
    return added


def _add(connection: Connection, told: dict[str, Fact], as_of: datetime) -> int:
    query = select(FactRow.fact_key).where(FactRow.fact_key.in_(list(told)))
    known = set(connection.scalars(query))
    rows = [{**fact._asdict(), "known_at": as_of} for key, fact in told.items() if key not in known]
    if rows:
        connection.execute(insert(FactRow), rows)
    return len(rows)


def _note(
    connection: Connection, run_id: str, as_of: datetime, read_at: datetime, added: int
) -> None:
    if connection.scalar(select(ReadingRow.run_id).where(ReadingRow.run_id == run_id)) is None:
        row = {"run_id": run_id, "as_of": as_of, "read_at": read_at, "facts": added}
        connection.execute(insert(ReadingRow), [row])


def news_since(engine: Engine, run_id: str) -> datetime | None:
    """Return when the oldest batch landed that is news to a run; None where nothing is.

    News is what the run before it, of those that told their facts, had not seen. A batch that was
    withheld and then released is news, however long ago it landed.
    """
    with engine.connect() as connection:
        before = _run_before(connection, run_id)
        if before is None:  # no plan was made yet that could wait
            return None
        seen = select(RunBatchRow.batch_id).where(RunBatchRow.run_id == before)
        query = (
            select(func.min(BatchRow.landed_at))
            .join(RunBatchRow, RunBatchRow.batch_id == BatchRow.batch_id)
            .where(RunBatchRow.run_id == run_id, RunBatchRow.batch_id.not_in(seen))
        )
        return connection.scalar(query)


def _run_before(connection: Connection, run_id: str) -> str | None:
    """The last run that told its facts; of a ledger that knew no facts, the last one at all."""
    told = select(ReadingRow.run_id).where(ReadingRow.run_id != run_id)
    found = connection.scalar(told.order_by(ReadingRow.read_at.desc(), ReadingRow.run_id).limit(1))
    if found is not None:
        return found
    completed = RunRow.status == "completed", RunRow.kind != "replay", RunRow.run_id != run_id
    last = select(RunRow.run_id).where(*completed).order_by(RunRow.started_at.desc())
    return connection.scalar(last.limit(1))


def forget(connection: Connection, subjects: list[str]) -> None:
    """Delete what was told of these addresses."""
    connection.execute(delete(FactRow).where(FactRow.subject.in_(subjects)))


def newest_reading(connection: Connection) -> ReadingRow | None:
    """Return the reading with the newest clock; None before the first."""
    order = (ReadingRow.as_of.desc(), ReadingRow.read_at.desc(), ReadingRow.run_id)
    row = connection.execute(select(*ReadingRow.__table__.c).order_by(*order).limit(1)).mappings()
    found = row.first()
    return ReadingRow(**found) if found else None


def any_since(connection: Connection, planned_as_of: datetime) -> bool:
    """Tell whether anything became known since a plan."""
    known = select(FactRow.fact_key).where(FactRow.known_at > planned_as_of)
    return connection.scalar(known.limit(1)) is not None


def goal_reached(
    subjects: Iterable[SQLColumnExpression[str]],
    goal: SQLColumnExpression[str],
    occurred_at: Moment,
    planned_as_of: Moment,
) -> ColumnElement[bool]:
    """Tell whether one of them reached the goal after the occasion, and the plan did not know."""
    return or_(
        *(
            exists().where(
                FactRow.subject == subject,
                FactRow.what == goal,
                FactRow.kind == "goal_reached",
                FactRow.known_at > planned_as_of,
                FactRow.occurred_at > occurred_at,
            )
            for subject in subjects
        )
    )


def withdrawn(
    address_hash: SQLColumnExpression[str],
    channel: SQLColumnExpression[str],
    purpose: SQLColumnExpression[str],
    planned_as_of: Moment,
) -> ColumnElement[bool]:
    """Tell whether the address has no permission any more, unless it was given again since."""
    what = channel + "/" + purpose
    return _last_of("withdrawn", "permitted", address_hash, what, planned_as_of)


def sold_out(product_key: SQLColumnExpression[str], planned_as_of: Moment) -> ColumnElement[bool]:
    """Tell whether a product is gone, and did not come back since."""
    return _last_of("out_of_stock", "in_stock", product_key, literal(""), planned_as_of)


def _last_of(
    kind: str,
    undone_by: str,
    subject: SQLColumnExpression[str],
    what: SQLColumnExpression[str],
    planned_as_of: Moment,
) -> ColumnElement[bool]:
    """Tell whether a fact became known since the plan, and none later that undoes it."""
    one, later = aliased(FactRow), aliased(FactRow)
    undone = exists().where(
        later.subject == one.subject,
        later.what == one.what,
        later.kind == undone_by,
        later.known_at > one.known_at,
    )
    return exists().where(
        one.subject == subject,
        one.what == what,
        one.kind == kind,
        one.known_at > planned_as_of,
        ~undone,
    )
