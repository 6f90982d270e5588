"""Reading a stream of a store: by a bulk operation first, then what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from connectors.core.api.changes import Fetched, changed_pages
from connectors.core.api.exports import after_export
from connectors.core.api.graphql import MOST_REPEATS, GraphQl
from connectors.core.api.windows import windowed_pages
from connectors.core.clock import iso_z, parse_instant
from connectors.core.errors import RetryLater
from connectors.core.payload import at_path, record_reader
from connectors.core.spec import Page, ReadContext
from connectors.sources.shopify.admin import connected
from connectors.sources.shopify.bulk import BulkOperation
from connectors.sources.shopify.kinds import KINDS, Kind

# Shopify pages no list deeper than 25,000; before that, the question is asked anew.
DEEPEST = 20_000


def read(context: ReadContext) -> Iterator[Page]:
    """Read one stream.

    Raises:
        FixConfig: the credentials or the app's scopes do not suffice.
        RetryLater: the store is busy or away, or prepares a bulk operation that takes its time.
        StopRun: going on would do harm.
    """
    kind = KINDS[context.stream.name]
    where = f"source {context.source_id}, stream {context.stream.name}"
    api, record_of = connected(context.settings, where), record_reader(kind.stream)
    if context.settings.options.get("bulk", "yes").lower() != "no":
        operation = BulkOperation(api, kind.listing)
        context = yield from after_export(context, operation, record_of)
    size = min(context.page_size, kind.most)
    if kind.by_change:
        fetch = partial(_changed, api, kind, size)
        yield from changed_pages(context, fetch, record_of, is_stable=True)
    else:
        listed = partial(_listed, api, kind, size)
        yield from windowed_pages(context, listed, record_of)


def _changed(api: GraphQl, kind: Kind, size: int, since: datetime | None) -> Iterator[Fetched]:
    """What changed since, oldest change first; asked anew before the list gets too deep."""
    while True:
        count, last = 0, since
        for nodes in kind.listing.pages(api, {"first": size, "query": _query(since)}):
            yield Fetched(nodes)
            count += len(nodes)
            times = (parse_instant(at_path(node, "updatedAt")) for node in nodes)
            last = max((at for at in times if at), default=last)
            if count >= DEEPEST and last != since:
                break
        else:
            return
        since = last


def _listed(
    api: GraphQl, kind: Kind, size: int, since: datetime | None, place: str | None
) -> Iterator[tuple[Sequence[Any], str]]:
    """What changed since, by id; the place is the last id's number."""
    repeats = 0
    while True:
        nodes = next(kind.listing.pages(api, {"first": size, "query": _query(since, place)}), [])
        if not nodes:
            return
        last = max((_number(node) for node in nodes), key=int)
        if place is None or int(last) > int(place):
            place, repeats = last, 0
            yield nodes, place
        elif (repeats := repeats + 1) > MOST_REPEATS:
            what = "the same page comes again and again"
            raise RetryLater(what, kind.listing.name, "Run again later.")


def _query(since: datetime | None, place: str | None = None) -> str | None:
    """A search by time of change and id; None for all there is."""
    terms = [f"updated_at:>='{iso_z(since.replace(microsecond=0))}'"] if since else []
    terms += [f"id:>={int(place) + 1}"] if place else []
    return " ".join(terms) or None


def _number(node: object) -> str:
    """The number at the end of a node's id."""
    digits = str(at_path(node, "id")).rpartition("/")[2].partition("?")[0]
    return digits if digits.isdecimal() else "0"
