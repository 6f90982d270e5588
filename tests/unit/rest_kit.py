"""A made-up vendor's REST API on loopback, and a source that reads it by each way of paging."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import SecretStr

from connectors.core import landing
from connectors.core.accounts import SourceSettings
from connectors.core.api.rest import (
    Counted,
    Endpoint,
    Linked,
    RestApi,
    RestStream,
    basic_auth,
    rest_source,
)
from connectors.core.clock import iso_z, parse_instant
from connectors.core.http import link_next
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.core.spec import Page, ReadContext, SourceSpec, Stream
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from tests.conformance.http_kit import Asked, Server, Told

THINGS = Stream("things", "id", "updated_at")
API = RestApi("database", "/api/", basic_auth, most=5)
SINCE = Endpoint("things", {"sort": "updated_at"})
WAYS: dict[str, RestStream] = {
    "page": RestStream(THINGS, SINCE, Counted("page", "size", total="x-total"), since="after"),
    "offset": RestStream(
        THINGS,
        Endpoint("things", {"sort": "updated_at", "shape": "object"}, "results"),
        Counted("offset", "size", step="offset", total="count"),
        since="after",
    ),
    "link": RestStream(THINGS, SINCE, Linked(link_next, "size"), since="after", is_stable=True),
    "whole": RestStream(
        THINGS, Endpoint("things", {"sort": "-id"}), Counted("page", "size", total="x-total")
    ),
}


@dataclass
class Things:
    """The vendor's rows by id; `before` is called with each request, to change them meanwhile."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: Callable[[Asked], None] = lambda _asked: None
    says_total: bool = True

    def put(self, key: str, at: datetime, **more: Any) -> None:
        self.rows[key] = {"id": key, "updated_at": iso_z(at), **more}

    def __call__(self, asked: Asked) -> Told:
        self.before(asked)
        found = self._found(asked)
        size = int(asked.query.get("size", 5))
        start = int(asked.query.get("offset", size * (int(asked.query.get("page", 1)) - 1)))
        page = found[start : start + size]
        headers = {}
        if asked.query.get("shape") == "object":
            return Told({"count": len(found), "results": page})
        if self.says_total:
            headers["X-Total"] = str(len(found))
        if page and len(page) == size and "page" not in asked.query:
            mark = f"{page[-1]['updated_at']},{page[-1]['id']}"
            address = f"/api/things?sort=updated_at&size={size}&mark={mark}"
            headers["Link"] = f'<{address}>; rel="next"'
        return Told(page, headers=headers)

    def _found(self, asked: Asked) -> list[dict[str, Any]]:
        rows = [*self.rows.values()]
        if asked.query["sort"] == "-id":
            return sorted(rows, key=lambda row: row["id"], reverse=True)
        rows.sort(key=lambda row: (parse_instant(row["updated_at"]), row["id"]))
        if mark := asked.query.get("mark"):
            at, _, key = mark.partition(",")
            place = (parse_instant(at), key)
            return [r for r in rows if (parse_instant(r["updated_at"]), r["id"]) > place]
        after = parse_instant(asked.query.get("after"))
        return [r for r in rows if after is None or parse_instant(r["updated_at"]) > after]


class Connected:
    """The API, a lake, a ledger; each landing has a clock of its own."""

    def __init__(self, home: Path, way: RestStream) -> None:
        self.things = Things()
        self.server = Server(self.things)
        self.spec = rest_source(API, (way,))
        source = SourceSettings(
            vendor="database", url=SecretStr(self.server.url),
            user=SecretStr("us3r"), password=SecretStr("c4nary"),
        )  # fmt: skip
        self.settings = Settings(home=home, sources={"shop": source})
        self.lake = Lake(self.settings.lake_root)
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/ledger.db"))

    def land(
        self,
        as_of: datetime,
        change: Callable[[Iterator[Page]], Iterator[Page]] = lambda read: read,
        batch_rows: int = 7,
    ) -> int:
        def read(context: ReadContext) -> Iterator[Page]:
            return change(self.spec.read(context))

        spec = SourceSpec("database", (THINGS,), read, self.spec.check)
        return landing.land(
            spec, THINGS, "shop", self.settings, self.manifest, self.lake, as_of,
            batch_rows=batch_rows,
        ).rows  # fmt: skip

    def landed(self) -> list[dict[str, Any]]:
        """All versions, oldest first."""
        rows = [
            row
            for batch in self.manifest.unchecked()
            for row in pq.ParquetFile(self.lake.url(batch.path)).read().to_pylist()
        ]
        return sorted(rows, key=lambda r: (r["landed_at"], str(r["record_at"]), r["seq"]))

    def newest(self) -> dict[str, str]:
        """The newest version of each record that is not deleted, as its text."""
        found = {row["record_key"]: row for row in self.landed()}
        return {key: row["payload"] for key, row in found.items() if row["op"] == "upsert"}


def spread(start: datetime, count: int, step: timedelta = timedelta(minutes=1)) -> Iterator[
    tuple[str, datetime]
]:  # fmt: skip
    """Keys and times, one `step` after the other."""
    for number in range(count):
        yield f"k{number:04d}", start + number * step
