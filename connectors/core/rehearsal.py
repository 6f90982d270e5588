"""A client that sends nothing: it notes what would leave, and answers as if all went well.

What a vendor would answer is guessed from what is asked: rows come back with ids, jobs are done,
searches find what they look for or nothing. A destination that cannot go on from a guess stops
there; what it asked until then is what it would have asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from connectors.core.errors import StopRun
from connectors.core.http import HttpClient
from connectors.core.http.reply import Reply
from connectors.core.http.request import Request

NOWHERE: Final = "https://rehearsal.invalid"
# Whoever waits for a job that is never done is stopped.
MOST: Final = 1_000
DONE: Final = {"success": True, "status": "success", "id": "1", "uri": "/rehearsal/1"}
ROWS: Final = ("inputs", "input", "recordIdsToAdd", "recordIdsToRemove")


@dataclass(frozen=True, slots=True)
class Noted:
    """A request that would leave: no host and no header, so no credentials. `body` may be bytes."""

    method: str
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: Any = None
    kind: str = ""

    def __repr__(self) -> str:
        """Show no body: it holds addresses."""
        return f"Noted({self.method} {self.path})"


class Rehearsal(HttpClient):
    """Speaks to nobody."""

    def __init__(self) -> None:
        """Begin with nothing noted."""
        super().__init__(NOWHERE)
        self.noted: list[Noted] = []

    def lines(self, url: str) -> Iterator[bytes]:
        """Note that a file would be read; it is empty."""
        self._note(Request("GET", url))
        yield from ()

    def _call(self, request: Request) -> Reply:
        self._note(request)
        return Reply(_guess(request), request.url)

    def _note(self, request: Request) -> None:
        if len(self.noted) == MOST:
            what = "the rehearsal goes on and on"
            raise StopRun(what, f"after {MOST} requests", "See those that it made.")
        parts = urlsplit(request.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        body = request.json if request.json is not None else request.form or request.data
        noted = Noted(request.method, path, request.params or {}, body, request.content_type)
        self.noted.append(noted)


def _guess(request: Request) -> dict[str, Any]:
    """An answer that suits what most vendors are asked."""
    body = _body(request)
    rows = _rows(body)
    named = {key: value for key, value in (request.params or {}).items() if key == "name"}
    if isinstance(body, dict):
        named |= {"name": body["name"]} if "name" in body else {}
    told = [{**row, "id": str(number)} for number, row in enumerate(rows, 1)]
    result = [{"id": number, "status": "created"} for number, _ in enumerate(rows, 1)]
    result = result or _found(request)
    job = {"id": 1, "batchId": 1, "status": "Complete", **named}
    is_search = request.url.endswith("/search") or request.method == "GET"
    return {
        **DONE, **named,
        "requestId": "rehearsal",
        "results": told,
        "result": result or [job],
        "list": {"listId": "1", "processingType": "MANUAL", **named},
        "lists": [],
        "elements": [],
        "items": [],
        "total": 0 if is_search else len(rows),
        "hasMore": False,
        "moreResult": False,
    }  # fmt: skip


def _found(request: Request) -> list[dict[str, Any]]:
    """What a search for these values finds: each of them."""
    params = request.params or {}
    values = [each for each in str(params.get("filterValues", "")).split(",") if each]
    kind = str(params.get("filterType", "id"))
    return [
        {"id": int(each)} if each.isdecimal() else {"id": number, kind: each}
        for number, each in enumerate(values, 1)
    ]


def _body(request: Request) -> Any:  # noqa: ANN401 - JSON
    if request.json is not None or request.data is None:
        return request.json
    try:
        return orjson.loads(request.data)
    except orjson.JSONDecodeError:
        return None


def _rows(body: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    found = body
    if isinstance(body, dict):
        found = next((body[name] for name in ROWS if name in body), [])
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
