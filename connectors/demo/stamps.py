"""Fast ISO 8601 text of moments in epoch milliseconds."""

from datetime import UTC, datetime
from functools import lru_cache

DAY_MS = 86_400_000


_SECONDS = tuple(f":{second:02d}." for second in range(60))
_THOUSANDTHS = tuple(f"{thousandth:03d}Z" for thousandth in range(1_000))


@lru_cache(maxsize=1_000)
def day_of(day: int) -> str:
    """Return day number ``day`` of the epoch as ``YYYY-MM-DD``."""
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")


@lru_cache(maxsize=20_000)
def _minute_of(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M")


def stamp(moment: int) -> str:
    """Return epoch milliseconds as ``2011-12-06T11:05:00.000Z``."""
    minute, rest = divmod(moment, 60_000)
    return _minute_of(minute) + _SECONDS[rest // 1000] + _THOUSANDTHS[rest % 1000]
