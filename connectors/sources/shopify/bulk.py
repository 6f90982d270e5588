"""A stream's first load by a bulk operation.

Its file has a line for each record and for each entry of a record's list. We ask for the entries to
follow their record (`groupObjects`), and put them back into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import orjson

from connectors.core.api.exports import Export
from connectors.core.api.graphql import GraphQl, Json
from connectors.core.api.relay import Listing
from connectors.core.clock import parse_instant, utc_now
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.payload import at_path

# Bulk operations were seen to leave out entries of long lists; those are read again by pages.
LONG_LIST = 100
_PARENT = "__parentId"
_OPERATION = "id status errorCode createdAt objectCount rootObjectCount url"
_START = (
    "mutation ($query: String!) { bulkOperationRunQuery(query: $query, groupObjects: true) {"
    f" bulkOperation {{ {_OPERATION} }} userErrors {{ code }} }} }}"
)
_FIND = f"query ($id: ID!) {{ node(id: $id) {{ ... on BulkOperation {{ {_OPERATION} }} }} }}"
_NO_ROOM = {"OPERATION_IN_PROGRESS", "LIMIT_REACHED"}
_RUNNING = {"CREATED", "RUNNING", "CANCELING"}


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """Bulk operations that read all of a list (`connectors.core.api.exports.Exporter`)."""

    api: GraphQl
    listing: Listing
    instead: str = "Set the source's option bulk to no."

    def start(self) -> Export | None:
        """Start one; None while the app has as many as it may, or another one's is running.

        Raises:
            FixConfig: Shopify refuses it for a reason that repeating won't change.
        """
        told = self.api.ask(_START, {"query": self.listing.exported})
        found = at_path(told, "bulkOperationRunQuery.bulkOperation")
        if isinstance(found, dict):
            return self._told(found)
        errors = at_path(told, "bulkOperationRunQuery.userErrors")
        codes = {at_path(e, "code") for e in errors} if isinstance(errors, list) else set()
        if codes & _NO_ROOM:
            return None
        what = f"Shopify refuses a bulk operation on {self.listing.name}"
        raise FixConfig(what, "bulkOperationRunQuery", self.instead)

    def find(self, export_id: str) -> Export | None:
        """How an operation is doing. Raises `FixConfig` where the app may not read the list."""
        found = self.api.ask(_FIND, {"id": export_id}).get("node")
        return self._told(found) if isinstance(found, dict) else None

    def records(self, url: str, lines: int) -> Iterator[tuple[Any, int]]:
        """The records of an operation's file, each with its entries.

        Raises:
            RetryLater: the file breaks off, or an entry does not follow its record.
        """
        root, entries, number, has_root = None, list[Any](), lines, False
        for line in islice(self.api.client.lines(url), lines, None):
            value = _parsed(line)
            if isinstance(value, dict) and _PARENT in value:
                self._check(value.pop(_PARENT), root)
                entries.append(value)
            elif value is not None:
                if has_root:
                    yield self._whole(root, entries), number
                root, entries, has_root = value, [], True
            number += 1
        if has_root:
            yield self._whole(root, entries), number

    def _told(self, found: Json) -> Export:
        if found.get("errorCode") != "ACCESS_DENIED":
            return _export(found)
        what = f"the app may not read {self.listing.name}"
        remedy = "Give it the scope, and access to protected customer data."
        raise FixConfig(what, "a bulk operation", remedy)

    def _whole(self, root: Any, entries: list[Any]) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(root, dict):
            return root
        if self.listing.inner and len(entries) >= LONG_LIST:
            entries = self.listing.entries(self.api, root["id"], None) or entries
        return self.listing.joined(root, entries)

    def _check(self, parent: object, root: object) -> None:
        if parent == at_path(root, "id"):
            return
        what = f"the file of all {self.listing.name} has entries away from their record"
        raise RetryLater(what, "a bulk operation", self.instead)


def _parsed(line: bytes) -> Any:  # noqa: ANN401 - JSON
    """A line's JSON value; its text where it is none, None where it is blank."""
    try:
        return orjson.loads(line) if line.strip() else None
    except orjson.JSONDecodeError:
        return line.decode(errors="replace")


def _export(found: Json) -> Export:
    """Shopify's words for an operation; one that is complete and not empty has a file."""
    state: Literal["running", "ready", "failed"] = "failed"
    is_empty = str(found.get("objectCount")) == "0"
    if found.get("status") in _RUNNING:
        state = "running"
    elif found.get("status") == "COMPLETED" and (found.get("url") or is_empty):
        state = "ready"
    roots = str(found.get("rootObjectCount"))
    return Export(
        str(found["id"]),
        parse_instant(found.get("createdAt")) or utc_now(),
        state,
        found.get("url"),
        int(roots) if roots.isdecimal() else None,
    )
