"""Lists of a Shopify store: sorted, searched, and paged by cursors that hold a row's place."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import orjson
from graphql import GraphQLError

Row = dict[str, Any]
Place = tuple[float, ...]
TERM = re.compile(r"(\w+):(>=|<=|>|<|)('[^']*'|\S+)")
PLACES: dict[str, Callable[[Row], Place]] = {
    "UPDATED_AT": lambda row: (moment(row["updatedAt"]), number(row["id"])),
    "ID": lambda row: (number(row["id"]),),
}


@dataclass
class Rows:
    """The rows of a type. Lists are not paged deeper than `deepest`."""

    by_id: dict[str, Row] = field(default_factory=dict)
    deepest: int = 25_000
    _sorted: dict[str, tuple[list[Place], list[Row]]] = field(default_factory=dict)

    def put(self, row: Row) -> None:
        self.by_id[row["id"]] = row
        self._sorted.clear()

    def page(
        self,
        sortKey: str,  # noqa: N803 - an argument of the API
        first: int | None = None,
        after: str | None = None,
        query: str | None = None,
    ) -> dict[str, Any]:
        """A page of what the query finds. A search that nobody knows finds everything."""
        places, rows = self._in_order(sortKey)
        bounds = _bounds(query)
        base = bisect_left(places, (bounds["updated_at"],)) if sortKey == "UPDATED_AT" else 0
        start = base if after is None else bisect_right(places, _mark(after))
        if first is not None and start - base + first > self.deepest:
            msg = f"lists are not paged deeper than {self.deepest}"
            raise GraphQLError(msg, extensions={"code": "PAGINATION_LIMIT"})
        found = (
            (place, row)
            for place, row in islice(zip(places, rows, strict=True), start, None)
            if moment(row["updatedAt"]) >= bounds["updated_at"]
            and number(row["id"]) >= bounds["id"]
        )
        return _page(found, first)

    def _in_order(self, sort_key: str) -> tuple[list[Place], list[Row]]:
        if sort_key not in self._sorted:
            place = PLACES[sort_key]
            rows = sorted(self.by_id.values(), key=place)
            self._sorted[sort_key] = [place(row) for row in rows], rows
        return self._sorted[sort_key]


def inner_page(
    rows: list[Row], first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    """A page of a list inside a record."""
    start = 0 if after is None else int(_mark(after)[0]) + 1
    return _page(islice(((((float(n)),), row) for n, row in enumerate(rows)), start, None), first)


def _page(found: Iterator[tuple[Place, Row]], first: int | None) -> dict[str, Any]:
    taken = list(found if first is None else islice(found, first + 1))
    page = taken if first is None else taken[:first]
    cursors = [b64encode(orjson.dumps(place)).decode() for place, _ in page]
    nodes = [row for _, row in page]
    return {
        "nodes": nodes,
        "edges": [{"node": n, "cursor": c} for n, c in zip(nodes, cursors, strict=True)],
        "pageInfo": {
            "hasNextPage": len(taken) > len(page),
            "hasPreviousPage": False,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def _bounds(query: str | None) -> dict[str, float]:
    """The lower bounds that a search names."""
    found = {"updated_at": float("-inf"), "id": float("-inf")}
    for name, sign, quoted in TERM.findall(query or ""):
        value = quoted.strip("'")
        if sign == ">=" and name in found:
            found[name] = moment(value) if name == "updated_at" else float(value)
    return found


def _mark(cursor: str) -> Place:
    return tuple(orjson.loads(b64decode(cursor)))


def moment(text: str) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def number(gid: str) -> float:
    """The number at the end of an id."""
    return float(gid.rpartition("/")[2])
