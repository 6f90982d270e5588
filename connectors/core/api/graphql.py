"""GraphQL over HTTP: documents are posted, lists are paged by cursor, cost is kept within a budget.

An answer says 200 and may mean no: its `errors` are put into words here, by their codes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from connectors.core.errors import FixConfig, ParleyError, RetryLater, StopRun
from connectors.core.http import Busy, HttpClient, Judge, Remedy, Reply
from connectors.core.payload import at_path

# A server that gives one page again and again is asked so often before we give up.
MOST_REPEATS = 3
_WORD = re.compile(r"[A-Za-z_]\w{0,79}")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """What the vendor says of a query's price, in points of a bucket that fills again.

    `asked` is taken to be there before the query runs, `left` is what the bucket holds now, of
    `most`; it fills by `rate` a second.
    """

    asked: float
    left: float
    most: float
    rate: float

    @property
    def wait(self) -> float:
        """Seconds until the query could run again."""
        return max(min(self.asked, self.most) - self.left, 0.0) / max(self.rate, 1.0)


CostOf = Callable[[Reply], Cost | None]


@dataclass
class CostBudget:
    """Waits before a query that its bucket could not pay, over all clients of this process."""

    ticks: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[Cost, float]] = field(default_factory=dict, init=False)
    _asked: dict[tuple[str, str], float] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def wait(self, bucket: str, document: str) -> float:
        """Seconds to wait before asking; 0 for what was never asked before."""
        with self._lock:
            if bucket not in self._left:
                return 0.0
            cost, since = self._left[bucket]
            asked = self._asked.get((bucket, document), 0.0)
            left = min(cost.left + (self.ticks() - since) * cost.rate, cost.most)
            return Cost(asked, left, cost.most, cost.rate).wait

    def note(self, bucket: str, document: str, cost: Cost) -> None:
        """Remember what an answer said."""
        with self._lock:
            self._left[bucket] = (cost, self.ticks())
            self._asked[(bucket, document)] = cost.asked


@dataclass(frozen=True, slots=True)
class GraphQl:
    """One GraphQL address of a vendor. `bucket` names the account whose points are spent."""

    client: HttpClient
    path: str
    cost_of: CostOf
    budget: CostBudget
    bucket: str

    def ask(self, document: str, variables: Mapping[str, Any] | None = None) -> Json:
        """The `data` of an answer. Raises as `reply` does."""
        data = at_path(self.reply(document, variables).body, "data")
        if isinstance(data, dict):
            return data
        what = "the answer holds no data"
        raise RetryLater(what, self.path, "Run again later; report it if it stays so.")

    def reply(self, document: str, variables: Mapping[str, Any] | None = None) -> Reply:
        """An answer without errors.

        Raises:
            FixConfig, RetryLater, StopRun: as `HttpClient.post`, and what the answer's errors mean.
        """
        if (wait := self.budget.wait(self.bucket, document)) > 0:
            time.sleep(wait)
        reply = self.client.post(self.path, {"query": document, "variables": variables or {}})
        if cost := self.cost_of(reply):
            self.budget.note(self.bucket, document, cost)
        return reply

    def pages(
        self, document: str, variables: Mapping[str, Any], where: str, after: str | None = None
    ) -> Iterator[list[Any]]:
        """The nodes of a list (at a dotted path), page by page; `after` is a variable.

        Raises:
            RetryLater: the same page comes again and again, or there is no list.
            StopRun: the paging runs in circles.
        """
        seen, repeats = {after}, 0
        while True:
            found = at_path(self.ask(document, {**variables, "after": after}), where)
            nodes, following = _listed(found, where)
            if following is not None and following == after:
                repeats += 1
                if repeats > MOST_REPEATS:
                    what = "the same page comes again and again"
                    raise RetryLater(what, where, "Run again later.")
                continue
            yield nodes
            if following is None:
                return
            if following in seen:
                what = f"the paging runs in circles after {len(seen)} pages"
                raise StopRun(what, where, "Report it to the vendor.")
            seen.add(following)
            after, repeats = following, 0


def next_page(connection: object) -> str | None:
    """The cursor of the page that follows in a list; None after the last one."""
    info = at_path(connection, "pageInfo")
    has_next, end = at_path(info, "hasNextPage"), at_path(info, "endCursor")
    return end if has_next and isinstance(end, str) else None


def graphql_judge(codes: Mapping[str, Remedy], cost_of: CostOf) -> Judge:
    """Says what the errors of an answer mean, by a vendor's table of their codes.

    A `RetryLater` is repeated, after the wait that the query's cost asks for.
    """

    def judge(reply: Reply) -> Busy | ParleyError | None:
        errors = at_path(reply.body, "errors")
        if not errors:
            return None
        first = errors[0] if isinstance(errors, list) else None
        code = _plain(at_path(first, "extensions.code")) or "without a code"
        error, remedy = codes.get(code, (FixConfig, "Report it, with the source's options."))
        what = f"the answer is an error {code}{_place(at_path(first, 'path'))}"
        if error is RetryLater:
            cost = cost_of(reply)
            return Busy(what, cost.wait if cost else 0.0)
        return error(what, "a GraphQL query", remedy)

    return judge


def _listed(found: object, where: str) -> tuple[list[Any], str | None]:
    nodes = at_path(found, "nodes")
    if isinstance(nodes, list):
        return nodes, next_page(found)
    what = "the answer has no list"
    raise RetryLater(what, where, "Run again later; report it if it stays so.")


def _place(path: object) -> str:
    """Where in the query an error lies, by names of fields alone."""
    names = [_plain(each) for each in path] if isinstance(path, list) else []
    shown = ".".join(name for name in names if name)
    return f" at {shown}" if shown else ""


def _plain(text: object) -> str:
    """A text that is a plain word, for it may be shown; else nothing."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else ""
