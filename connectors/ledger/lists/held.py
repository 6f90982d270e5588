"""What the ledger knows of the lists at destinations: who is on them, and with which properties."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    String,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from connectors.ledger import facts
from connectors.ledger.columns import one_of
from connectors.ledger.db import write
from connectors.ledger.emission.rules import MARKETING, suppressed
from connectors.ledger.emission.scratch import CLAIMS, claim, drop
from connectors.ledger.emission.transitions import take_sequence
from connectors.ledger.models import Base

STATES = ("putting", "listed", "rejected")
CHANNEL: Final = "email"
CHUNK_ROWS: Final = 2_000


class ListMemberRow(Base):
    """Somebody whom a destination's list holds, or may hold. No address: `member_key` is its node.

    `putting`: it was asked for, and nobody knows yet whether it was done. `digest` is of the
    properties that were sent last, `vendor_id` what the destination calls them, '' if unknown.
    """

    __tablename__ = "list_members"
    __table_args__ = (one_of("state", STATES), {"sqlite_with_rowid": False})

    destination: Mapped[str] = mapped_column(String, primary_key=True)
    audience: Mapped[str] = mapped_column(String, primary_key=True)
    member_key: Mapped[str] = mapped_column(String, primary_key=True)
    list_id: Mapped[str]
    vendor_id: Mapped[str]
    digest: Mapped[str]
    state: Mapped[str]
    updated_at: Mapped[datetime]


_ROW = ListMemberRow.__table__.c


@dataclass(frozen=True, slots=True)
class Held:
    """A row of the table, without the list's own columns."""

    member_key: str
    list_id: str
    vendor_id: str
    digest: str
    state: str


_SHOWN = [_ROW[name] for name in Held.__slots__]


@dataclass(frozen=True)
class HeldList:
    """One audience at one destination, as the ledger knows it; `at` is when changes are noted."""

    engine: Engine
    destination: str
    audience: str
    at: datetime

    def held(self) -> Iterator[Held]:
        """Whoever it holds or may hold, by key, in pages: rows may be changed meanwhile."""
        last = ""
        while page := self._page(last):
            yield from page
            last = page[-1].member_key

    def size(self) -> int:
        """How many it surely holds."""
        query = select(func.count()).where(*self._mine(), _ROW.state == "listed")
        with self.engine.connect() as connection:
            return connection.scalar(query) or 0

    def begin(self, rows: Sequence[Held], purpose: str, planned_as_of: datetime) -> set[str]:
        """Note that these are about to be put, but for those who may not; the keys of the latter.

        One transaction, under the lock that whoever posts a withdrawal waits for: what became
        known before it is seen here.
        """
        with write(self.engine) as connection:
            take_sequence(connection)
            stopped = stops(connection, [each.member_key for each in rows], purpose, planned_as_of)
            self._replace(connection, [each for each in rows if each.member_key not in stopped])
        return stopped

    def note(self, rows: Sequence[Held]) -> None:
        """Write down what became of these."""
        with write(self.engine) as connection:
            self._replace(connection, rows)

    def forget(self, member_keys: Iterable[str]) -> None:
        """Take these off: the destination's list does not hold them any more."""
        with write(self.engine) as connection:
            self._delete(connection, member_keys)

    def stopped(
        self, member_keys: Sequence[str], purpose: str, planned_as_of: datetime
    ) -> set[str]:
        """Those of them who may not be on a list by what the ledger knows."""
        with self.engine.begin() as connection:
            return stops(connection, member_keys, purpose, planned_as_of)

    def _page(self, after: str) -> list[Held]:
        query = select(*_SHOWN).where(*self._mine(), _ROW.member_key > after)
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(_ROW.member_key).limit(CHUNK_ROWS))
            return [Held(*row) for row in found]

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return (_ROW.destination == self.destination, _ROW.audience == self.audience)

    def _replace(self, connection: Connection, rows: Sequence[Held]) -> None:
        self._delete(connection, [each.member_key for each in rows])
        own = {"destination": self.destination, "audience": self.audience, "updated_at": self.at}
        values = [{name: getattr(each, name) for name in Held.__slots__} | own for each in rows]
        if values:
            connection.execute(insert(ListMemberRow), values)

    def _delete(self, connection: Connection, member_keys: Iterable[str]) -> None:
        keys = list(member_keys)
        for start in range(0, len(keys), CHUNK_ROWS):
            part = _ROW.member_key.in_(keys[start : start + CHUNK_ROWS])
            connection.execute(delete(ListMemberRow).where(*self._mine(), part))


def stops(
    connection: Connection, member_keys: Sequence[str], purpose: str, planned_as_of: datetime
) -> set[str]:
    """Those whom a suppression, or a withdrawal since the plan, keeps off every list.

    An erasure is a suppression too.
    """
    claim(connection, member_keys)
    key = CLAIMS.c.message_key
    caught = suppressed(key, literal(purpose), planned_as_of)
    if purpose == MARKETING:
        gone = facts.withdrawn(key, literal(CHANNEL), literal(purpose), planned_as_of)
        caught = caught | gone
    found = set(connection.scalars(select(key).where(caught)))
    drop(connection, CLAIMS)
    return found


def known_lists(engine: Engine) -> Mapping[tuple[str, str], int]:
    """How many rows there are of each (destination, audience)."""
    keys = (_ROW.destination, _ROW.audience)
    query = select(*keys, func.count()).group_by(*keys).order_by(*keys)
    with engine.connect() as connection:
        return {
            (destination, audience): rows
            for destination, audience, rows in connection.execute(query)
        }
