"""An Eloqua instance: log-in, definitions, staged data, syncs that take their time, rejects, lists.

As in Eloqua: data over 32 MB is answered with 404; a definition in a sync can't be in another one;
an import ends in `warning` more often than not; an address that comes twice in a sync is rejected;
what is staged stays staged until it is synced; a contact that enters a list goes through the canvas
that it feeds once, and gets no email where it is unsubscribed or bounced.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.conformance.apis.eloqua.filters import FilterError, parsed
from tests.conformance.apis.eloqua.records import Activity, Contact, listed_fields, stamp
from tests.conformance.apis.eloqua.syncs import Sync, run
from tests.conformance.http_kit import Asked, Told

USER, PASSWORD = r"Parley\ada", "c4nary-s3cret"
APP = "c4nary-app:c4nary-app-s3cret"
BULK, REST = "/api/bulk/2.0", "/api/REST/1.0"
MOST_BYTES = 32 * 1024 * 1024
DEFINED = re.compile(r"/(\w+|customObjects/\d+)/(imports|exports|syncActions)")
LIST = re.compile(r"\{\{ContactList\[(\d+)\]\}\}")


@dataclass
class Definition:
    """What is to be synced, and what is staged for it."""

    uri: str
    kind: str
    body: dict[str, Any]
    made: datetime
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class EloquaSite:
    """The instance. `looks`: how often a sync of a `slow` kind is asked after before it has ended.

    `fails`: definitions whose syncs end in an error, by a pattern of their name.
    `unknown`: a statement that it does not know.
    """

    looks: int = 0
    slow: str = ".*"
    fails: str = ""
    clock: datetime = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
    contacts: dict[str, Contact] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    lists: dict[str, set[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)
    activities: dict[str, Activity] = field(default_factory=dict)
    accounts: list[dict[str, str]] = field(default_factory=list)
    customs: list[dict[str, str]] = field(default_factory=list)
    definitions: dict[str, Definition] = field(default_factory=dict)
    syncs: dict[str, Sync] = field(default_factory=dict)
    tokens: int = 0
    unknown: str = ""

    def contact(self, email: str, at: datetime, **fields: str) -> Contact:
        """Write a contact, changed at that moment."""
        key = email.lower()
        known = self.contacts.get(self.emails.get(key, ""))
        if known is None:
            id_ = str(1_000 + len(self.contacts))
            known = Contact(id_, {"C_EmailAddress": email}, at, at)
            self.contacts[id_], self.emails[key] = known, id_
        known.fields.update(fields)
        known.updated = at
        return known

    def make_list(self, name: str) -> str:
        """Make a shared list; its id."""
        id_ = str(6_048 + len(self.lists))
        self.lists[id_], self.names[id_] = set(), name
        return id_

    def add(self, list_id: str, contact: Contact) -> None:
        """Put a contact on a list: the canvas that it feeds sends once."""
        if contact.id not in self.lists[list_id]:
            self.lists[list_id].add(contact.id)
            if contact.is_subscribed and not contact.is_bounced:
                self.sent.append((list_id, contact.fields["C_EmailAddress"]))

    def __call__(self, asked: Asked) -> Told:
        """Answer as Eloqua does."""
        shown = asked.headers.get("authorization")
        is_known = shown in {_basic(USER, PASSWORD), f"Bearer t{self.tokens}"}
        if asked.path == "/auth/oauth2/token":
            return self._grant(asked, shown)
        if asked.path == "/id":
            base = f"http://{asked.headers['host']}"
            return Told({"urls": {"base": base}} if is_known else "Not authenticated.")
        if not is_known:
            return Told(status=401)
        if asked.path.startswith(REST):
            return self._rest(asked)
        path = asked.path.removeprefix(BULK)
        for pattern, answer in self._routes(asked.method):
            if found := re.fullmatch(pattern, path):
                return answer(asked, *found.groups())
        return Told(status=404)

    def _grant(self, asked: Asked, shown: str | None) -> Told:
        """A token for a user of an app; the one before ends."""
        wanted = {"grant_type": "password", "scope": "full", "username": USER, "password": PASSWORD}
        if shown != _basic(*APP.split(":")) or asked.body != wanted:
            return Told({"error": "invalid_client"}, 401)
        self.tokens += 1
        return Told({"access_token": f"t{self.tokens}", "expires_in": 28_800})

    def _routes(self, method: str) -> list[tuple[str, Callable[..., Told]]]:
        if method == "POST":
            return [
                (r"(/.+)/data", self._stage),
                (r"/syncs", self._begin),
                (r"/(.+/(?:imports|exports|syncActions))", self._define),
            ]
        return [
            (r"/(.+)/fields", lambda a, kind: _page(a, listed_fields(kind))),
            (r"/contacts/lists/(\d+)", self._list),
            (r"/syncs", lambda a: _page(a, [s.told() for s in reversed(self.syncs.values())])),
            (r"(/syncs/\d+)", self._state),
            (r"(/syncs/\d+)/rejects", lambda a, sync: self._of(a, sync, "rejects", 1_000)),
            (r"(/syncs/\d+)/data", lambda a, sync: self._of(a, sync, "data", 50_000)),
            (r"/(.+/(?:imports|exports|syncActions))", self._defined),
        ]

    def _define(self, asked: Asked, kind: str) -> Told:
        body = asked.body if isinstance(asked.body, dict) else {}
        fields = body.get("fields")
        most = 250 if kind.endswith("exports") else 100
        if not body.get("name") or not isinstance(fields, dict) or not 0 < len(fields) <= most:
            return Told(status=400)
        if not kind.endswith("exports") and body.get("identifierFieldName") not in fields:
            return Told(status=400)
        if not self._is_sound(body):
            return Told(status=400)
        uri = f"/{kind}/{1_232 + len(self.definitions)}"
        made = self.definitions[uri] = Definition(uri, kind, body, self.clock)
        return Told(_told(made), 201)

    def _is_sound(self, body: dict[str, Any]) -> bool:
        if self.unknown in body["fields"].values():
            return False
        actions = [LIST.fullmatch(each["destination"]) for each in body.get("syncActions", [])]
        if not all(each and each[1] in self.lists for each in actions):
            return False
        try:
            parsed(body.get("filter", "") or "'{{x}}' = ''", self.lists)
        except FilterError:
            return False
        return len(body.get("filter", "")) <= 1_000

    def _stage(self, asked: Asked, uri: str) -> Told:
        size = int(asked.headers["content-length"])
        if uri not in self.definitions or size > MOST_BYTES:
            return Told(status=404)
        if not isinstance(asked.body, list):
            return Told(status=400)
        self.definitions[uri].rows += asked.body
        return Told(b"", 204)

    def _begin(self, asked: Asked) -> Told:
        made = self.definitions.get(asked.body.get("syncedInstanceUri"))
        if made is None:
            return Told(status=400)
        if any(s.definition is made and not s.has_ended for s in self.syncs.values()):
            return Told(status=409)
        uri = f"/syncs/{1_039 + len(self.syncs)}"
        looks = self.looks if re.fullmatch(self.slow, made.kind) else 0
        self.syncs[uri] = Sync(uri, made, self.clock, looks)
        return Told(self.syncs[uri].told(), 201)

    def _state(self, asked: Asked, uri: str) -> Told:
        del asked
        if uri not in self.syncs:
            return Told(status=404)
        sync = self.syncs[uri]
        if sync.looked():
            try:
                run(self, sync)
            except FilterError:
                sync.status = "error"
        return Told(sync.told())

    def _of(self, asked: Asked, uri: str, what: str, most: int) -> Told:
        sync = self.syncs.get(uri)
        return Told(status=404) if sync is None else _page(asked, getattr(sync, what), most)

    def _defined(self, asked: Asked, kind: str) -> Told:
        wanted = asked.query.get("q", "").strip('"').removeprefix("name=").rstrip("*")
        found = [_told(d) for d in self.definitions.values() if d.kind == kind]
        return _page(asked, [each for each in found if each["name"].startswith(wanted)])

    def _list(self, asked: Asked, list_id: str) -> Told:
        del asked
        if list_id not in self.lists:
            return Told(status=404)
        return Told({"name": self.names[list_id], "count": len(self.lists[list_id])})

    def _rest(self, asked: Asked) -> Told:
        kind = asked.path.removeprefix(REST)
        if (asked.method, kind) == ("POST", "/assets/contact/list"):
            id_ = self.make_list(asked.body["name"])
            return Told({"type": "ContactList", "id": id_, "name": asked.body["name"]}, 201)
        if (asked.method, kind) != ("GET", "/assets/contact/lists"):
            return Told(status=404)
        name = asked.query["search"].removeprefix("name=").strip("'")
        found = [{"type": "ContactList", "id": i, "name": n} for i, n in self.names.items()]
        found = [each for each in found if each["name"].lower() == name.lower()]
        return Told({"elements": found, "page": 1, "pageSize": 1000, "total": len(found)})


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _told(made: Definition) -> dict[str, Any]:
    return {**made.body, "uri": made.uri, "createdAt": stamp(made.made)}


def _page(asked: Asked, rows: list[Any], most: int = 1_000) -> Told:
    size, start = int(asked.query.get("limit", 1_000)), int(asked.query.get("offset", 0))
    if not 1 <= size <= most:
        return Told(status=400)
    items = rows[start : start + size]
    body: dict[str, Any] = {"totalResults": len(rows), "limit": size, "offset": start}
    body |= {"count": len(items), "hasMore": start + size < len(rows)}
    return Told({**body, "items": items} if items else body)
