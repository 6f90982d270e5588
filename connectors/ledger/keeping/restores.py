"""When the ledger was replaced by a backup, and which occasions may have been answered before."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, String, exists, insert
from sqlalchemy.orm import Mapped, mapped_column

from connectors.ledger.models import Base


class RestoreRow(Base):
    """A restore. What occurred before `answered_until` may have been answered; null: nothing was.

    Where the plans made since the backup are at hand, what they wanted to send is entered instead,
    and there is no need to hold back anything else. Append-only.
    """

    __tablename__ = "restores"

    restored_at: Mapped[datetime] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(primary_key=True)
    revision: Mapped[str] = mapped_column(String)
    answered_until: Mapped[datetime | None]


def note(
    connection: Connection,
    restored_at: datetime,
    taken_at: datetime,
    revision: str,
    answered_until: datetime | None,
) -> None:
    """Write a restore down; all moments are aware."""
    row = {
        "restored_at": restored_at,
        "taken_at": taken_at,
        "revision": revision,
        "answered_until": answered_until,
    }
    connection.execute(insert(RestoreRow), [row])


def may_be_answered(occurred_at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Tell whether an occasion lies before a restore after which nobody knew what had been sent."""
    return exists().where(RestoreRow.answered_until > occurred_at)
