"""How an API hands out a list: by page number, by offset, by a link to the next page, or whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from connectors.core.api.changes import Fetched
from connectors.core.errors import RetryLater
from connectors.core.http import HttpClient, Reply
from connectors.core.payload import at_path

Params = Mapping[str, str | int]

# A server that gives one page again and again is asked so often before we give up.
MOST_REPEATS = 3


class Paging(Protocol):
    """How an API hands out a list."""

    def pages(self, client: HttpClient, endpoint: Endpoint, size: int) -> Iterator[Fetched]:
        """All pages of a list, `size` records or fewer each."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A list in an API: its address below the base, its parameters, and where its records stand.

    `records` is a dotted path in the body; empty where the body is the list.
    """

    path: str
    params: Params = field(default_factory=dict)
    records: str = ""

    def having(self, params: Params) -> Endpoint:
        """The same list, asked for with these parameters too."""
        return Endpoint(self.path, {**self.params, **params}, self.records)

    def listed(self, reply: Reply) -> list[Any]:
        """The records of an answer. Raises `RetryLater` where there is no list."""
        found = at_path(reply.body, self.records) if self.records else reply.body
        if isinstance(found, list):
            return found
        what = f"the answer has no list {self.records}".rstrip()
        raise RetryLater(what, self.path, "Run again later; report it if it stays so.")


@dataclass(frozen=True, slots=True)
class Counted:
    """Pages by number or by offset.

    `step`: "page" counts pages from 1, "offset" counts records from 0. `total` names where the
    vendor says how many there are: a header in lower case, or a field of the body.
    """

    param: str
    size: str
    step: str = "page"
    total: str = ""

    def pages(self, client: HttpClient, endpoint: Endpoint, size: int) -> Iterator[Fetched]:
        """Until a page is short and no total promises more; what comes twice is asked again."""
        number, before, last, repeats = 0, 0, None, 0
        while True:
            place = number + 1 if self.step == "page" else before
            params = {**endpoint.params, self.size: size, self.param: place}
            reply = client.get(endpoint.path, params)
            records, total = endpoint.listed(reply), self._total(reply)
            is_missing = not records and before < (total or 0)
            if is_missing or (records and records == last):
                repeats += 1
                if repeats > MOST_REPEATS:
                    what = "the same page, or none where one has to be, comes again and again"
                    raise RetryLater(what, endpoint.path, "Run again later.")
                continue
            ends = len(records) < size and (total is None or before + len(records) >= total)
            yield Fetched(records, ends, total, before)
            if ends:
                return
            number, before, last, repeats = number + 1, before + len(records), records, 0

    def _total(self, reply: Reply) -> int | None:
        found = reply.headers.get(self.total) if self.total else None
        if found is None and self.total and isinstance(reply.body, dict):
            found = reply.body.get(self.total)
        return int(str(found)) if str(found).isdecimal() else None


@dataclass(frozen=True, slots=True)
class Linked:
    """Pages that name the next one: by link header, address or token (`connectors.core.http`)."""

    next_of: Callable[[Reply], str | None]
    size: str = ""

    def pages(self, client: HttpClient, endpoint: Endpoint, size: int) -> Iterator[Fetched]:
        """Until no next one is named."""
        params = {**endpoint.params, **({self.size: size} if self.size else {})}
        for reply in client.pages(endpoint.path, self.next_of, params):
            yield Fetched(endpoint.listed(reply), is_last=not self.next_of(reply))


@dataclass(frozen=True, slots=True)
class Single:
    """An address that tells of one thing: its body is the record."""

    def pages(self, client: HttpClient, endpoint: Endpoint, size: int) -> Iterator[Fetched]:
        """The one page."""
        del size
        yield Fetched([client.get(endpoint.path, endpoint.params).body], is_last=True)
