"""How HubSpot says no, and hands out pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.conformance.http_kit import Told

Record = dict[str, Any]
CORRELATION = "678fb2e2-0eb5-47a3-9543-1be9cb25f8ea"


def refused(status: int, category: str, message: str = "no", **more: Any) -> Told:
    """An error as HubSpot tells it."""
    said = {"status": "error", "message": message, "correlationId": CORRELATION}
    return Told({**said, "category": category, **more}, status)


def stamp(at: datetime) -> str:
    """A moment as v3 writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def millis(at: datetime) -> int:
    """A moment as v1 writes it."""
    return int(at.timestamp() * 1000)


def paged(rows: Sequence[Any], start: int, size: int, **more: Any) -> Record:
    """A page, and where the next one begins."""
    body: Record = {**more, "results": list(rows[start : start + size])}
    if start + size < len(rows):
        body["paging"] = {"next": {"after": str(start + size), "link": "?after=…"}}
    return body


def batch(results: Sequence[Any], errors: Sequence[Any] = ()) -> Told:
    """The answer to a batch; in parts where there are errors."""
    ran = {"startedAt": "2011-12-06T11:05:00.000Z", "completedAt": "2011-12-06T11:05:00.100Z"}
    body: Record = {"status": "COMPLETE", "results": list(results), **ran}
    if not errors:
        return Told(body)
    return Told({**body, "numErrors": len(errors), "errors": list(errors)}, 207)
