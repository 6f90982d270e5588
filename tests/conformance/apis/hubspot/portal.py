"""The account: who may call, how often, and what answers where."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from threading import RLock
from typing import Any
from urllib.parse import unquote

from tests.conformance.apis.hubspot.answers import Record, refused
from tests.conformance.http_kit import Asked, Told

TOKEN = "pat-c4nary-s3cret"
EVENT = "pe7974676_parley_message"
TYPE = 4711
SCOPES = (
    *("crm.objects.contacts.read", "crm.objects.contacts.write", "crm.lists.read"),
    *("crm.lists.write", "communication_preferences.read", "analytics.behavioral_events.send"),
    "behavioral_events.event_definitions.read_write",
)
EVENT_FIELDS = (
    *("message_key", "batch", "batch_size", "programme", "campaign", "step", "variant"),
    *("purpose", "language", "subject", "fact", "text"),
)
Route = Callable[["Portal", Asked, re.Match[str]], Told]
ROUTES: list[tuple[str, re.Pattern[str], Route]] = []


def route(method: str, path: str) -> Callable[[Route], Route]:
    """Says which requests a function answers."""

    def register(answer: Route) -> Route:
        ROUTES.append((method, re.compile(path), answer))
        return answer

    return register


@dataclass
class Portal:
    """The account. At most `limit` calls in any `seconds`, `daily` in all.

    `refuses`: what one bad row does to a batch of contacts, all of it ("whole") or itself ("row").
    `repeats`: an occurrence whose uuid is known is passed over ("drop") or refused ("refuse").
    `left`: the subscription types that an address has left; `left_all`: who left all of them.
    """

    limit: int = 190
    seconds: float = 10.0
    daily: int = 650_000
    refuses: str = "whole"
    repeats: str = "drop"
    shows_events: bool = True
    objects: dict[str, dict[str, Record]] = field(
        default_factory=lambda: {"contacts": {}, "companies": {}, "deals": {}}
    )
    properties: set[str] = field(
        default_factory=lambda: {"email", "firstname", "hs_language", "parley_stage"}
    )
    by_email: dict[str, str] = field(default_factory=dict)
    lists: dict[str, Record] = field(default_factory=dict)
    events: list[Record] = field(default_factory=list)
    event_fields: set[str] = field(
        default_factory=lambda: {f"parley_{name}" for name in EVENT_FIELDS}
    )
    uuids: set[str] = field(default_factory=set)
    left: dict[str, set[int]] = field(default_factory=dict)
    left_all: set[str] = field(default_factory=set)
    links: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    owners: list[Record] = field(default_factory=list)
    forms: dict[str, list[Record]] = field(default_factory=dict)
    email_events: list[Record] = field(default_factory=list)
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    calls: int = 0
    busy: int = 0
    ticks: Callable[[], float] = time.monotonic
    _made: deque[float] = field(default_factory=deque)
    _ids: Any = field(default_factory=lambda: count(101))
    _lock: Any = field(default_factory=RLock)

    def __call__(self, asked: Asked) -> Told:
        with self._lock:
            if asked.headers.get("authorization") != f"Bearer {TOKEN}":
                return refused(401, "INVALID_AUTHENTICATION")
            if told := self._too_many():
                return told
            for method, pattern, answer in ROUTES:
                found = pattern.fullmatch(unquote(asked.path))
                if found and method == asked.method:
                    return answer(self, asked, found)
            return refused(404, "OBJECT_NOT_FOUND")

    def new_id(self) -> str:
        return str(next(self._ids))

    def now(self) -> datetime:
        return datetime.now(UTC)

    def _too_many(self) -> Told | None:
        now = self.ticks()
        while self._made and self._made[0] <= now - self.seconds:
            self._made.popleft()
        policy = "DAILY" if self.calls >= self.daily else "TEN_SECONDLY_ROLLING"
        if self.calls < self.daily and len(self._made) < self.limit:
            self._made.append(now)
            self.calls += 1
            return None
        self.busy += 1
        said = {"status": "error", "message": f"You have reached your {policy.lower()} limit."}
        return Told({**said, "errorType": "RATE_LIMIT", "policyName": policy}, 429)


@route("GET", "/account-info/v3/details")
def details(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del portal, asked, found
    return Told({"portalId": 7974676, "accountType": "STANDARD", "companyCurrency": "GBP"})


@route("GET", "/account-info/v3/api-usage/daily/private-apps")
def usage(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del asked, found
    used = {"name": "private-apps-api-calls-daily", "currentUsage": portal.calls}
    return Told({"results": [{**used, "usageLimit": portal.daily, "fetchStatus": "SUCCESS"}]})


@route("POST", "/oauth/v2/private-apps/get/access-token-info")
def token_info(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    if asked.body != {"tokenKey": TOKEN}:
        return refused(400, "BAD_REQUEST")
    return Told({"userId": 1, "hubId": 7974676, "appId": 2, "scopes": sorted(portal.scopes)})


@route("GET", "/crm/v3/properties/contacts")
def properties(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del asked, found
    return Told({"results": [{"name": each, "type": "string"} for each in portal.properties]})


from tests.conformance.apis.hubspot import events, feeds, lists, people  # noqa: E402, F401
