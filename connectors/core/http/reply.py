"""What came back: a page, or a reason to ask again, or an error named by its remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from connectors.core.clock import as_utc
from connectors.core.errors import FixConfig, ParleyError, RetryLater


@dataclass(frozen=True, slots=True)
class Reply:
    """A page as it came: the body as JSON value, its address, headers (names in lower case).

    `link_next` is the `rel=next` link (RFC 8288), if any.
    """

    body: Any
    url: str
    link_next: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Busy:
    """An attempt worth repeating: why it failed, and the seconds that the server asks for."""

    why: str
    wait: float = 0.0


Remedy = tuple[type[ParleyError], str]
Statuses = Mapping[int, Remedy]
Judge = Callable[[Reply], Busy | ParleyError | None]
"""Looks into a body: some vendors say 200 and mean no."""

_LATER: Remedy = (RetryLater, "Run again later.")
STATUSES: Statuses = {
    **dict.fromkeys((207, 408, 425, 429, *range(500, 600)), _LATER),
    401: (FixConfig, "Correct the source's credentials."),
    403: (FixConfig, "Give the source's credentials the right to read this."),
    404: (FixConfig, "Correct the source's url."),
    410: (FixConfig, "The vendor has withdrawn this address; use its successor."),
}
"""What each status means, unless a vendor's own table says otherwise."""
OTHER: Remedy = (FixConfig, "Correct the source's settings.")
ERROR_FROM = 300


def remedy_of(status: int, statuses: Statuses) -> Remedy | None:
    """The remedy for a status by a vendor's table, then ours; None for success."""
    known = statuses.get(status) or STATUSES.get(status)
    return known or (OTHER if status >= ERROR_FROM else None)


def retry_after(value: str | None, now: datetime) -> float:
    """Seconds that a `Retry-After` header asks for, from its seconds or its date; 0 if none."""
    text = (value or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max((as_utc(parsedate_to_datetime(text)) - now).total_seconds(), 0.0)
    except ValueError:
        return 0.0


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def place_of(url: str) -> str:
    """An address without what may be secret: user, password, query, fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
