"""Asking HubSpot for lists, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from connectors.core.errors import RetryLater
from connectors.core.http import Budget, HttpClient, Reply
from connectors.core.payload import at_path
from connectors.core.spec import ReadContext
from connectors.core.vendors import hubspot

# The search has a limit of its own, 5 calls a second; one is kept back for those that hurry.
SEARCHES: Final = Budget(4, 1.0)
Row = dict[str, Any]


def connected(context: ReadContext, *, searches: bool = False) -> HttpClient:
    """A client with the source's token. Raises `FixConfig` where there is none."""
    where = f"source {context.source_id}, stream {context.stream.name}"
    own = context.settings
    budget = SEARCHES if searches else hubspot.BUDGET
    return hubspot.client(own.url, own.token, where, budget=budget)


def rows_of(reply: Reply, path: str = "results") -> list[Row]:
    """The records of an answer. Raises `RetryLater` where there is no list of them."""
    found = at_path(reply.body, path)
    if isinstance(found, list):
        return found
    what = f"the answer has no list {path}"
    raise RetryLater(what, "HubSpot", "Run again later; report it if it stays so.")


def pages(client: HttpClient, address: str, size: int) -> Iterator[list[Row]]:
    """The pages of a list, by its `paging.next.after`."""
    after = ""
    while True:
        params: dict[str, str | int] = {"limit": size, **({"after": after} if after else {})}
        reply = client.get(address, params)
        yield rows_of(reply)
        following = hubspot.after(reply)
        if following is None:
            return
        refuse_circle(following, after, address)
        after = following


def refuse_circle(following: str, before: str, where: str) -> None:
    """Raise `RetryLater` where a page names itself as the next one."""
    if following in {"", before}:
        what = "the paging runs in circles"
        raise RetryLater(what, f"HubSpot, {where}", "Run again later.")
