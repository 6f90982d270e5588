"""Columns that SQLite and PostgreSQL keep alike."""

from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, DateTime, Dialect, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, naive UTC in the database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Strip the zone after moving to UTC; a naive value is a programming error."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "the ledger takes aware datetimes only"
            raise ValueError(msg)
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """Constrain a text column to a closed list of words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({words})", name=f"{column}_known")
