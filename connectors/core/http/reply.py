"""What came back: a page, or a reason to ask again, or an error named by its remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from connectors.core.clock import as_utc
from connectors.core.errors import FixConfig, ParleyError, RetryLater


@dataclass(frozen=True, slots=True)
class Reply:
    """A page as it came: the body as JSON value, its address, headers (names in lower case).

    `link_next` is the `rel=next` link (RFC 8288), if any. `status`: 2xx, or another one that the
    vendor's table lets through.
    """

    body: Any
    url: str
    link_next: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Busy:
    """An attempt worth repeating: why it failed, and the seconds that the server asks for.

    `is_lost`: nobody knows whether what was asked has been done. A vendor that says it is busy in
    so many words has done nothing.
    """

    why: str
    wait: float = 0.0
    is_lost: bool = False


class Unanswered(Exception):
    """A request that must not be repeated left, and its answer was lost: nobody knows.

    Its text says why and where, without data.
    """


Remedy = tuple[type[ParleyError], str]
Statuses = Mapping[int, Remedy | None]
"""What each status means to a vendor; None: its body is an answer like any other."""
Judge = Callable[[Reply], Busy | ParleyError | None]
"""Looks into a body: some vendors say 200 and mean no."""

_LATER: Remedy = (RetryLater, "Run again later.")
STATUSES: Mapping[int, Remedy] = {
    **dict.fromkeys((207, 408, 425, 429, *range(500, 600)), _LATER),
    401: (FixConfig, "Correct the source's credentials."),
    403: (FixConfig, "Give the source's credentials the right to read this."),
    404: (FixConfig, "Correct the source's url."),
    410: (FixConfig, "The vendor has withdrawn this address; use its successor."),
}
"""What each status means, unless a vendor's own table says otherwise."""
OTHER: Remedy = (FixConfig, "Correct the source's settings.")
ERROR_FROM = 300
# What a server says before it does anything: too many requests, too early.
NOT_DONE = {425, 429}
UNAVAILABLE = 503


def remedy_of(status: int, statuses: Statuses) -> Remedy | None:
    """The remedy for a status by a vendor's table, then ours; None for success."""
    if status in statuses:
        return statuses[status]
    return STATUSES.get(status) or (OTHER if status >= ERROR_FROM else None)


def busy_by(status: int, asks: str | None, now: datetime) -> Busy:
    """What a status that may pass means; `asks` is the `Retry-After` header.

    A 503 that says when to come back is a refusal. Any other failure of a server may have come
    after the deed.
    """
    refused = status in NOT_DONE or (status == UNAVAILABLE and bool(asks))
    return Busy(f"the server answered {status}", retry_after(asks, now), is_lost=not refused)


def retry_after(value: str | None, now: datetime) -> float:
    """Seconds that a `Retry-After` header asks for, from its seconds or its date; 0 if none."""
    text = (value or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max((as_utc(parsedate_to_datetime(text)) - now).total_seconds(), 0.0)
    except ValueError:
        return 0.0


def origin_of(url: str) -> tuple[str | None, str | None, int | None]:
    """Scheme, host and port, as the library that connects will read them.

    Another reading may see our own host in an address that leads to another one, where a backslash
    stands before it. What cannot be read has none of them.
    """
    try:
        parts = parse_url(url)
    except LocationParseError:
        return None, None, None
    return (
        parts.scheme,
        parts.host,
        parts.port or {"http": 80, "https": 443}.get(parts.scheme or ""),
    )


def place_of(url: str) -> str:
    """An address without what may be secret: user, password, query, fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
