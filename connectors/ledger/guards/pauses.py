"""The kill switch: what is paused is neither reserved nor delivered until somebody resumes it.

It is asked under the lock of every reservation, and again before each batch leaves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Index,
    Integer,
    Select,
    exists,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import SQLColumnExpression

from connectors.ledger.columns import one_of
from connectors.ledger.db import write, write_first
from connectors.ledger.emission.rules import ANY, MARKETING
from connectors.ledger.models import Base

EVERYTHING: Final = ""
"""Stands for all programmes."""

PAUSED: Final = "paused"
BY_HAND: Final = "by_hand"
COMPLAINT_BRAKE: Final = "complaint_brake"
_OPEN: Final = "resumed_at is null"


class PauseRow(Base):
    """Who stopped what, when and why; open while `resumed_at` is null. Rows are never deleted.

    `programme` is '' for all of them; a `purpose` of marketing lets service messages go on.
    """

    __tablename__ = "pauses"
    __table_args__ = (
        one_of("purpose", (ANY, MARKETING)),
        one_of("cause", (BY_HAND, COMPLAINT_BRAKE)),
        Index(
            "pauses_open",
            *("programme", "purpose"),
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
    )

    pause_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    programme: Mapped[str]
    purpose: Mapped[str]
    cause: Mapped[str]
    reason: Mapped[str]
    paused_by: Mapped[str]
    paused_at: Mapped[datetime]
    resumed_by: Mapped[str | None]
    resumed_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Pause:
    """A pause that holds: of a programme, of all marketing, or of everything."""

    programme: str
    purpose: str
    cause: str
    reason: str
    paused_by: str
    paused_at: datetime

    @property
    def what(self) -> str:
        """What it stops, in words."""
        if self.programme:
            return self.programme
        return "everything" if self.purpose == ANY else "all marketing"


_ROW = PauseRow.__table__.c
_SHOWN = [_ROW[field.name] for field in fields(Pause)]
_HOLDS = _ROW.resumed_at.is_(None)


def pause(
    engine: Engine,
    programme: str = EVERYTHING,
    *,
    reason: str,
    by: str,
    at: datetime,
    purpose: str = ANY,
    cause: str = BY_HAND,
) -> bool:
    """Stop a programme, or everything; whether it was going until now.

    It holds from this call's commit on: no later reservation and no later batch goes out.
    """
    same = (_HOLDS, _ROW.programme == programme, _ROW.purpose == purpose)
    row = {"programme": programme, "purpose": purpose, "cause": cause, "reason": reason}
    try:
        with write_first(engine) as connection:
            if connection.scalar(select(exists().where(*same))):
                return False
            connection.execute(insert(PauseRow), [{**row, "paused_by": by, "paused_at": at}])
    except IntegrityError:  # somebody else was at it in the same moment
        return False
    return True


def resume(
    engine: Engine, programme: str = EVERYTHING, *, by: str, at: datetime
) -> Sequence[Pause]:
    """End the pauses of a programme, or those of everything and of all marketing; return them.

    Programmes that were paused by name stay so when everything is resumed.
    """
    ending = (_HOLDS, _ROW.programme == programme)
    with write(engine) as connection:
        ended = _pauses(connection, select(*_SHOWN).where(*ending))
        values = {"resumed_by": by, "resumed_at": at}
        connection.execute(update(PauseRow).where(*ending).values(values))
    return ended


def open_pauses(engine: Engine) -> list[Pause]:
    """Return what is paused, the widest first."""
    with engine.connect() as connection:
        return _pauses(connection, select(*_SHOWN).where(_HOLDS))


def last_resumed(connection: Connection, programme: str, cause: str) -> datetime | None:
    """Return when a pause of that cause was last ended, of a programme or of all; None if never."""
    query = (
        select(_ROW.resumed_at)
        .where(_ROW.cause == cause, _ROW.programme.in_((programme, EVERYTHING)), ~_HOLDS)
        .order_by(_ROW.resumed_at.desc())
    )
    return connection.scalar(query.limit(1))


def any_open(connection: Connection) -> bool:
    """Tell whether anything at all is paused."""
    return bool(connection.scalar(select(exists().where(_HOLDS))))


def is_paused(
    programme: SQLColumnExpression[str], purpose: SQLColumnExpression[str]
) -> ColumnElement[bool]:
    """Tell whether messages of that programme and purpose are stopped."""
    covers = or_(_ROW.programme == EVERYTHING, _ROW.programme == programme)
    concerns = or_(_ROW.purpose == ANY, _ROW.purpose == purpose)
    return exists().where(_HOLDS, covers, concerns)


def _pauses(connection: Connection, query: Select[Any]) -> list[Pause]:
    rows = connection.execute(query.order_by(_ROW.programme, _ROW.purpose))
    return [Pause(*row) for row in rows]
