"""What a source and a destination share of Oracle Eloqua: the Bulk API 2.0 and its limits.

Bulk work is a definition (which fields, which filter), data that is staged for it, and a sync,
which is asked after until it ends. A definition must not be in two syncs at a time, and what was
staged for it by a run that died would go along with the next one: so each use makes its own
definition, which Eloqua deletes by itself.

Sources: Oracle Eloqua Developer Help Center, Bulk API (limits, best practices, sync actions,
status codes); its OpenAPI description; recorded exchanges.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Final

from connectors.core.errors import RetryLater
from connectors.core.http import Budget, HttpClient
from connectors.core.payload import at_path
from connectors.core.vendors.eloqua_login import STATUSES, Account, log_in

BULK: Final = "/api/bulk/2.0"
REST: Final = "/api/REST/1.0"

MOST_FIELDS: Final = 100
"""Fields of an import definition."""
POST_BYTES: Final = 31 * 1024 * 1024
"""Bytes of one post of data; Eloqua answers 404 from 32 MB."""
SYNC_BYTES: Final = 250 * 1024 * 1024
"""Bytes that are staged before they are synced."""
PAGE: Final = 50_000
"""Records of a request for what was exported."""
LISTED: Final = 1_000
"""Entries of a request for definitions, syncs, fields or rejects."""
HOUR: Final = 3600.0
IMPORTS, EXPORTS = Budget(2_000, HOUR), Budget(2_000, HOUR)
SYNC_ACTIONS: Final = Budget(4_000, HOUR)

# Seconds between two looks at a sync; the last of them again and again.
POLLS: Final = (1.0, 2.0, 5.0, 10.0, 20.0)
PATIENCE_SECONDS: Final = 900.0
ENDED: Final = {"success", "warning", "error"}
RUNNING: Final = {"pending", "active"}
Params = Mapping[str, str | int]
_URI: Final = re.compile(r"(/\w+)+")


def connect(url: str, account: Account, where: str) -> Bulk:
    """The Bulk API of the instance that these credentials belong to. Raises as `log_in`."""
    base, auth = log_in(url, account, where)
    return Bulk(HttpClient(base, auth=auth, statuses=STATUSES), base)


def _not_now(seconds: float) -> None:
    what = "the syncs that Eloqua wants in an hour are used up"
    remedy = "Run again later."
    raise RetryLater(what, "Eloqua's Bulk API", remedy, after_seconds=seconds)


@dataclass(frozen=True)
class Bulk:
    """The Bulk API of an instance, and the client for all else that is asked of it.

    Uris are Eloqua's own, below the API: /syncs/1039. `account` is whose hourly limits they are.
    """

    client: HttpClient
    account: str = ""
    sleep: Callable[[float], None] = time.sleep
    patience: float = PATIENCE_SECONDS

    def define(self, kind: str, body: Mapping[str, Any]) -> str:
        """Make a definition of a kind (contacts/imports); its uri. Harmless if made twice."""
        return self._uri(self.client.post(f"{BULK}/{kind}", body).body)

    def stage(self, uri: str, rows: bytes) -> None:
        """Stage a list of rows (JSON) for a definition, once: what is staged twice counts twice.

        Raises `Unanswered` where nobody knows whether it was staged.
        """
        url = f"{BULK}{uri}/data"
        self.client.upload(url, rows, "application/json", is_repeatable=False)

    def begin(self, uri: str, budget: Budget) -> str:
        """Begin a sync of a definition of one's own; its uri. For what is asked for, not told.

        Raises:
            RetryLater: among others, where a lost answer left the definition in a sync.
        """
        budget.spend(self.account, _not_now)
        return self._uri(self.client.post(f"{BULK}/syncs", {"syncedInstanceUri": uri}).body)

    def begin_once(self, uri: str, budget: Budget) -> str:
        """Begin a sync that acts on people; its uri.

        Raises:
            Unanswered: nobody knows whether it began.
            RetryLater: it surely did not.
        """
        budget.spend(self.account, _not_now)
        return self._uri(self.client.post_once(f"{BULK}/syncs", {"syncedInstanceUri": uri}).body)

    def state(self, sync: str) -> str:
        """A sync's state: pending, active, success, warning, error."""
        state = at_path(self.client.get(BULK + sync).body, "status")
        if state not in ENDED | RUNNING:
            what = "the state of a sync"
            raise _unclear(what, sync)
        return str(state)

    def ended(self, sync: str) -> str:
        """Wait until a sync has ended; its state.

        Raises:
            RetryLater: it has not, for as long as anybody waits.
        """
        waited = 0.0
        for pause in chain(POLLS, repeat(POLLS[-1])):
            state = self.state(sync)
            if state in ENDED:
                return state
            if waited + pause > self.patience:
                break
            self.sleep(pause)
            waited += pause
        what = "Eloqua is still at a sync"
        raise RetryLater(what, sync, "Run again in a few minutes.", after_seconds=POLLS[-1])

    def pages(
        self, uri: str, size: int = LISTED, start: int = 0, params: Mapping[str, str] | None = None
    ) -> Iterator[tuple[Sequence[Any], int, bool]]:
        """The pages of a list: entries, the place after them, and whether no page follows."""
        place = start
        while True:
            asked: Params = {**(params or {}), "limit": size, "offset": place}
            body = self.client.get(BULK + uri, asked).body
            # An empty list may be left out of the answer.
            items = at_path(body, "items") or ([] if at_path(body, "hasMore") is False else None)
            if not isinstance(items, list):
                what = "a list"
                raise _unclear(what, uri)
            place += len(items)
            is_last = at_path(body, "hasMore") is not True or not items
            yield items, place, is_last
            if is_last:
                return

    def listed(self, uri: str, params: Mapping[str, str] | None = None) -> Iterator[Any]:
        """All entries of a list, one by one."""
        for items, _, _ in self.pages(uri, params=params):
            yield from items

    def fields(self, kind: str) -> dict[str, str]:
        """The fields of a kind (contacts), by internal name: how each is written in definitions."""
        found = self.listed(f"/{kind}/fields")
        return {str(at_path(e, "internalName")): str(at_path(e, "statement")) for e in found}

    def _uri(self, body: object) -> str:
        uri = at_path(body, "uri")
        if not isinstance(uri, str) or not _URI.fullmatch(uri):
            what = "what was made"
            raise _unclear(what, BULK)
        return uri


def _unclear(what: str, where: str) -> RetryLater:
    remedy = "Run again later; report it if it stays so."
    return RetryLater(f"Eloqua does not tell {what}", where, remedy)
