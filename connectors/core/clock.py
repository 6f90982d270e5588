"""Time: the one place that reads the wall clock, and the parsing of instants."""

from __future__ import annotations

from datetime import UTC, date, datetime

from connectors.core.errors import FixConfig


def utc_now() -> datetime:
    """The wall clock, aware, in UTC, floored to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def as_utc(value: datetime) -> datetime:
    """The same instant in UTC; a value without a zone is taken to be UTC.

    Raises:
        OverflowError: the instant lies outside the years 1 to 9999 in UTC.
    """
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def parse_instant(value: object) -> datetime | None:
    """An aware UTC instant from ISO 8601 text, a datetime or a date; None where there is none."""
    try:
        if isinstance(value, str):
            return as_utc(datetime.fromisoformat(value.strip()))
        if isinstance(value, datetime):
            return as_utc(value)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return None


def parse_as_of(text: str) -> datetime:
    """A run's clock from ISO 8601 text: with or without a zone, a date alone is its midnight.

    Returns:
        An aware UTC instant, floored to the second.

    Raises:
        FixConfig: the text is not a date or time.
    """
    instant = parse_instant(text)
    if instant is None:
        what = "as_of is not a date or time"
        raise FixConfig(what, "as_of", "Write it like 2011-12-06T11:05:00Z or 2011-12-06.")
    return instant.replace(microsecond=0)


def iso_z(value: datetime) -> str:
    """ISO 8601 in UTC with a `Z`: 2011-12-06T11:05:00Z; microseconds only where there are any."""
    return as_utc(value).replace(tzinfo=None).isoformat() + "Z"
