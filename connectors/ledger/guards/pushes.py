"""What each run wanted to send of a programme, and how that compares with what is usual for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Index, Integer, String, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from connectors.core.errors import FixConfig
from connectors.ledger.db import write
from connectors.ledger.models import Base


class PushRow(Base):
    """One programme (and campaign, of mass messages) in one run; numbers of marketing messages.

    `wanted`: new in this run, those that are held out included. `taken`: entered in the ledger.
    `measured` and `usual` are what the guard compared, null where nothing was usual yet.
    """

    __tablename__ = "pushes"
    __table_args__ = (Index("pushes_by_programme", "programme", "planned_as_of"),)

    run_id: Mapped[str] = mapped_column(String, primary_key=True)
    programme: Mapped[str] = mapped_column(String, primary_key=True)
    campaign_id: Mapped[str] = mapped_column(String, primary_key=True)
    planned_as_of: Mapped[datetime]
    wanted: Mapped[int] = mapped_column(Integer)
    taken: Mapped[int] = mapped_column(Integer)
    measured: Mapped[int | None] = mapped_column(Integer)
    usual: Mapped[int | None] = mapped_column(Integer)
    is_held: Mapped[bool]
    confirmed_by: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Push:
    """Part of a plan that is about to be reserved: new marketing messages of one programme.

    `campaign_id` is '' unless it is a mass programme's.
    """

    programme: str
    campaign_id: str
    kind: str
    channel: str
    wanted: int


@dataclass(frozen=True)
class Size:
    """How large a push is with what went before it, and what is usual for that; both in messages.

    `usual` is None where there is no history to tell.
    """

    measured: int
    usual: int | None
    is_confirmed: bool = False


@dataclass(frozen=True)
class Held:
    """A push that waits for somebody to confirm it."""

    run_id: str
    programme: str
    campaign_id: str
    planned_as_of: datetime
    wanted: int
    measured: int
    usual: int

    @property
    def told(self) -> str:
        """What is unusual about it, and what lets it go, in a sentence."""
        name = f"{self.programme} ({self.campaign_id})" if self.campaign_id else self.programme
        since = "so far" if self.campaign_id else "in 24 hours"
        return (
            f"{name} is held: {self.measured:,} messages {since}, usual are {self.usual:,}."
            f" `parley confirm {self.run_id} {self.programme}` sends it."
        )


_ROW = PushRow.__table__.c
_UNCONFIRMED = _ROW.confirmed_at.is_(None)


def record(
    connection: Connection, run_id: str, planned_as_of: datetime, push: Push, size_: Size,
    *, is_held: bool,
) -> None:  # fmt: skip
    """Write a push down before its messages are entered; a run that is repeated adds to its own."""
    row: dict[str, Any] = {
        "run_id": run_id,
        "programme": push.programme,
        "campaign_id": push.campaign_id,
        "planned_as_of": planned_as_of,
        "wanted": push.wanted,
        "taken": 0,
        "measured": size_.measured,
        "usual": size_.usual,
        "is_held": is_held,
    }
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(PushRow).values(row)
    changed = {name: row[name] for name in ("wanted", "measured", "usual", "is_held")}
    keys = ["run_id", "programme", "campaign_id"]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def add_taken(
    connection: Connection, run_id: str, programme: str, campaign_id: str, taken: int
) -> None:
    """Count what was entered in the ledger."""
    mine = (_ROW.run_id == run_id, _ROW.programme == programme, _ROW.campaign_id == campaign_id)
    connection.execute(update(PushRow).where(*mine).values(taken=_ROW.taken + taken))


def held_by(engine: Engine, run_id: str) -> list[Held]:
    """Return the pushes of a run that wait to be confirmed."""
    with engine.connect() as connection:
        return _held(connection, _ROW.run_id == run_id, _UNCONFIRMED)


def held_since(engine: Engine, since: datetime) -> list[Held]:
    """Return what waits of the plans since then: the newest of each, unless a later one went."""
    with engine.connect() as connection:
        found = _held(connection, _ROW.planned_as_of >= since, _UNCONFIRMED)
        newest = {(each.programme, each.campaign_id): each for each in found}
        return [each for each in newest.values() if not _went_since(connection, each)]


def confirm(engine: Engine, run_id: str, programme: str, *, by: str, at: datetime) -> list[Held]:
    """Let a run's pushes of a programme through at its next emission; return them.

    Raises `FixConfig` where that run holds none.
    """
    # Also one that was confirmed before, and whose emission then died.
    with engine.connect() as connection:
        there = _held(connection, _ROW.run_id == run_id)
    waiting = [each for each in there if each.programme == programme]
    if not waiting:
        names = ", ".join(sorted({each.programme for each in there})) or "nothing"
        what = f"no push of '{programme}' is held"
        raise FixConfig(what, f"run {run_id}", f"Held in that run: {names}. See `parley status`.")
    mine = (_ROW.run_id == run_id, _ROW.programme == programme, _ROW.is_held)
    with write(engine) as connection:
        values = {"confirmed_by": by, "confirmed_at": at}
        connection.execute(update(PushRow).where(*mine).values(values))
    return waiting


def _held(connection: Connection, *which: ColumnElement[bool]) -> list[Held]:
    columns = [_ROW[name] for name in Held.__dataclass_fields__]
    query = (
        select(*columns).where(_ROW.is_held, *which).order_by(_ROW.planned_as_of, _ROW.programme)
    )
    return [Held(*row) for row in connection.execute(query)]


def _went_since(connection: Connection, waiting: Held) -> bool:
    """Whether a later push of the same went out: this one is history then."""
    same = (_ROW.programme == waiting.programme, _ROW.campaign_id == waiting.campaign_id)
    later = (_ROW.planned_as_of > waiting.planned_as_of, _ROW.taken > 0)
    return connection.scalar(select(_ROW.run_id).where(*same, *later).limit(1)) is not None
