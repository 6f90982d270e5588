"""The account: leads, lists, campaigns, feeds of activities, imports, and the limits of its API.

As in Marketo: all is answered with 200, and `success` says whether it was done; a token ends; so
many calls in 20 seconds, a day and at a time; an address of 8 KB and a body of 1 MB; a feed's page
may be empty while more follows.
"""

from __future__ import annotations

import re
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from connectors.core.clock import iso_z, parse_instant
from tests.conformance.apis.marketo.imports import Imports
from tests.conformance.apis.marketo.rules import TYPES, Record, Refusal, skipped
from tests.conformance.http_kit import Asked, Told

USER, PASSWORD = "c11ent-id", "c4nary-s3cret"
MOST = 300
USUAL = ("id", "firstName", "lastName", "email", "updatedAt", "createdAt")


@dataclass
class Feed:
    """Activities by time; a place in it is a token."""

    rows: list[tuple[datetime, int, Record]] = field(default_factory=list)
    count: int = 0

    def add(self, at: datetime, row: Record) -> tuple[datetime, int]:
        """Put an activity to its time; its place."""
        self.count += 1
        insort(self.rows, (at, self.count, row), key=lambda each: each[:2])
        return at, self.count

    def remove(self, place: tuple[datetime, int]) -> None:
        del self.rows[bisect_right(self.rows, place, key=lambda each: each[:2]) - 1]

    def after(
        self, token: str, size: int, takes: Callable[[Record], bool]
    ) -> tuple[list[Record], str, bool]:
        at, number = _place(token)
        start = bisect_right(self.rows, (at, number), key=lambda each: each[:2])
        looked = self.rows[start : start + size]
        last = looked[-1][:2] if looked else (at, number)
        more = start + size < len(self.rows)
        return [row for _, _, row in looked if takes(row)], token_of(*last), more


@dataclass
class Marketo:
    """The account. `rate`: calls in 20 seconds; None: as many as anybody likes.

    `token_calls`: so many calls, and a token has ended. `denied`: beginnings of paths that the
    user may not ask. `requested`: all requests of campaigns that were taken: the leads, the tokens.
    """

    rate: int | None = None
    quota: int = 50_000
    token_calls: int | None = None
    denied: tuple[str, ...] = ()
    now: datetime = datetime(2011, 12, 6, 11, 0, tzinfo=UTC)
    leads: dict[int, Record] = field(default_factory=dict)
    lists: dict[int, Record] = field(default_factory=dict)
    members: dict[int, dict[int, None]] = field(default_factory=dict)
    folders: set[int] = field(default_factory=lambda: {12})
    campaigns: dict[int, Record] = field(default_factory=dict)
    requested: list[tuple[int, list[int], dict[str, str]]] = field(default_factory=list)
    objects: dict[str, list[Record]] = field(default_factory=dict)
    activities: Feed = field(default_factory=Feed)
    changes: Feed = field(default_factory=Feed)
    deleted: Feed = field(default_factory=Feed)
    last_id: int = 7148
    calls: int = 0
    most_at_once: int = 0
    refusals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.imports = Imports(self)
        self.by_email: dict[str, list[int]] = {}
        self._tokens: dict[str, int] = {}
        self._times: deque[float] = deque()
        self._at_once = 0

    # What happens there.

    def put_lead(self, lead: Record, at: datetime) -> int:
        """Write a lead, changed at that moment; its id."""
        with self.lock:
            lead_id = int(lead.get("id") or self.last_id + 1)
            self.last_id = max(self.last_id, lead_id)
            known = self.leads.get(lead_id)
            made = known or {"id": lead_id, "createdAt": iso_z(at)}
            if known:
                self.by_email[str(known.get("email")).lower()].remove(lead_id)
            self.leads[lead_id] = {**made, **lead, "id": lead_id, "updatedAt": iso_z(at)}
            self.by_email.setdefault(str(self.leads[lead_id].get("email")).lower(), []).append(
                lead_id
            )
            kind = 13 if known else 12
            self.changes.add(at, self._activity(kind, lead_id, at, fields=[]))
            return lead_id

    def put_activity(
        self, kind: int, lead_id: int, at: datetime, **more: Any
    ) -> tuple[datetime, int]:
        """Something that a lead did, or that was done to it; its place in the feed."""
        with self.lock:
            return self.activities.add(at, self._activity(kind, lead_id, at, **more))

    def delete_lead(self, lead_id: int, at: datetime) -> None:
        """Delete a lead."""
        with self.lock:
            lead = self.leads.pop(lead_id)
            self.by_email[str(lead.get("email")).lower()].remove(lead_id)
            row = self._activity(37, lead_id, at, primaryAttributeValue="Ada Lovelace")
            self.deleted.add(at, row)

    def _activity(self, kind: int, lead_id: int, at: datetime, **more: Any) -> Record:
        number = self.activities.count + self.changes.count + self.deleted.count + 1
        row = {"id": number, "marketoGUID": str(number), "leadId": lead_id}
        row |= {"activityDate": iso_z(at), "activityTypeId": kind, "attributes": []}
        return row | more

    # What is asked.

    def __call__(self, asked: Asked) -> Told:
        with self.lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if asked.path == "/identity/oauth/token":
                return self._token(asked)
            if len(urlencode(asked.query)) > 8_000:
                return Told(b"", 414)
            if isinstance(asked.body, dict) and len(orjson.dumps(asked.body)) > 1_000_000:
                return Told(b"", 413)
            with self.lock:
                self._limits(asked)
                found = self._answer(asked)
            if isinstance(found, Told):
                return found
            return Told({"requestId": f"{self.calls:x}#17d4f044661", "success": True, **found})
        except Refusal as no:
            self.refusals.append(no.code)
            errors = [{"code": no.code, "message": no.message}]
            return Told({"requestId": "e42b#14272d07d78", "success": False, "errors": errors})
        finally:
            with self.lock:
                self._at_once -= 1

    def _token(self, asked: Asked) -> Told:
        told = {"grant_type": "client_credentials", "client_id": USER, "client_secret": PASSWORD}
        if asked.query != told:
            return Told({"error": "invalid_client", "error_description": "Bad client"}, 401)
        with self.lock:
            token = f"t0ken-{len(self._tokens)}:ab"
            self._tokens[token] = 0
        return Told(
            {"access_token": token, "token_type": "bearer", "expires_in": 3599, "scope": "x"}
        )

    def _limits(self, asked: Asked) -> None:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self._tokens:
            raise Refusal(601, "Access token invalid")
        self._tokens[token] += 1
        if self.token_calls is not None and self._tokens[token] > self.token_calls:
            raise Refusal(602, "Access token expired")
        if self._at_once > 10:
            raise Refusal(615, "Concurrent access limit reached")
        now = time.monotonic()
        while self._times and self._times[0] <= now - 20:
            self._times.popleft()
        if self.rate is not None and len(self._times) >= self.rate:
            raise Refusal(606, f"Max rate limit '{self.rate}' exceeded with in '20' secs")
        self._times.append(now)
        if self.calls >= self.quota:
            raise Refusal(607, f"Daily API Request limit reached {self.quota}")
        self.calls += 1
        if asked.path.startswith(self.denied) and self.denied:
            raise Refusal(603, "Access denied")

    def _answer(self, asked: Asked) -> Record | Told:
        for method, pattern, answer in ROUTES:
            found = re.fullmatch(pattern, asked.path)
            if found and method == asked.method:
                return answer(self, asked, *found.groups())
        raise Refusal(610, "Requested resource not found")

    def _upsert(self, asked: Asked) -> Record:
        body = asked.body
        rows = body["input"]
        if len(rows) > MOST or body.get("action", "createOrUpdate") != "createOrUpdate":
            raise Refusal(1003, "Invalid data")
        if unknown := [name for row in rows for name in row if name not in TYPES]:
            raise Refusal(1006, f"Field '{unknown[0]}' not found")
        return {"result": [self.upserted(row) for row in rows]}

    def upserted(self, row: Record) -> Record:
        """What becomes of one row, as Marketo says it."""
        for name, value in row.items():
            if value is not None and not isinstance(value, TYPES[name]):
                return skipped("1003", f"Invalid value for field '{name}' and value '{value}'")
        if "@" not in str(row.get("email")):
            return skipped(
                "1003", f"Invalid value for field 'email' and value '{row.get('email')}'"
            )
        known = self.by_email.get(str(row["email"]).lower(), [])
        if len(known) > 1:
            return skipped("1007", "Multiple lead match lookup criteria")
        lead = {**row, "id": known[0]} if known else row
        status = "updated" if known else "created"
        return {"id": self.put_lead(lead, self.now), "status": status}

    def _leads(self, asked: Asked) -> Record:
        by, values = asked.query["filterType"], asked.query["filterValues"].split(",")
        if len(values) > MOST:
            raise Refusal(1003, "Too many values")
        if by == "id":
            ids = [int(each) for each in values if int(each) in self.leads]
        elif by == "email":
            ids = [one for each in values for one in self.by_email.get(each.lower(), [])]
        else:
            raise Refusal(1003, f"Invalid filterType '{by}'")
        return self._page(asked, [self._shown(asked, each) for each in ids])

    def _shown(self, asked: Asked, lead_id: int) -> Record:
        names = asked.query["fields"].split(",") if "fields" in asked.query else USUAL
        if unknown := [name for name in names if name not in TYPES]:
            raise Refusal(1006, f"Field '{unknown[0]}' not found")
        usual = {"unsubscribed": False, "emailInvalid": False, "doNotCall": False}
        return {name: self.leads[lead_id].get(name, usual.get(name)) for name in names}

    def _page(self, asked: Asked, rows: list[Record]) -> Record:
        start = int(asked.query.get("nextPageToken", 0))
        size = min(int(asked.query.get("batchSize", MOST)), MOST)
        page: Record = {"result": rows[start : start + size]}
        return page | ({"nextPageToken": str(start + size)} if start + size < len(rows) else {})

    def _lists(self, asked: Asked) -> Record:
        named = asked.query.get("name")
        return self._page(asked, [x for x in self.lists.values() if named in {None, x["name"]}])

    def put_list(self, name: str) -> Record:
        """Make a static list."""
        made = {
            "id": 1159 + len(self.lists),
            "name": name,
            "createdAt": "2021-11-23T22:57:24Z+0000",
        }
        made |= {"folder": {"id": 12, "type": "Folder"}, "workspace": "Default"}
        self.lists[made["id"]], self.members[made["id"]] = made, {}
        return made

    def _new_list(self, asked: Asked) -> Record:
        folder = orjson.loads(asked.body["folder"])
        if folder.get("type") != "Folder" or folder.get("id") not in self.folders:
            raise Refusal(710, "Parent Folder Not Found")
        if any(each["name"] == asked.body["name"] for each in self.lists.values()):
            raise Refusal(709, "A list of that name is there")
        return {"errors": [], "warnings": [], "result": [self.put_list(asked.body["name"])]}

    def members_of(self, list_id: int | str) -> dict[int, None]:
        """The leads of a list."""
        if int(list_id) not in self.members:
            raise Refusal(1013, "List not found")
        return self.members[int(list_id)]

    def _on_list(self, asked: Asked, list_id: str) -> Record:
        ids = [each for each in self.members_of(list_id) if each in self.leads]
        return self._page(asked, [self._shown(asked, each) for each in ids])

    def _join(self, asked: Asked, list_id: str) -> Record:
        members, rows = self.members_of(list_id), []
        ids = [each["id"] for each in asked.body["input"]]
        if len(ids) > MOST:
            raise Refusal(1003, "Too many leads")
        for lead_id in ids:
            if lead_id not in self.leads:
                rows.append({"id": lead_id, **skipped("1004", "Lead not found")})
                continue
            members[lead_id] = None
            rows.append({"id": lead_id, "status": "added"})
        return {"result": rows}

    def _leave(self, asked: Asked, list_id: str) -> Record:
        members, rows = self.members_of(list_id), []
        ids = [each["id"] for each in asked.body["input"]]
        if len(ids) > MOST or "id" not in asked.query:
            raise Refusal(1003, "Invalid data")
        for lead_id in ids:
            was = lead_id in members
            members.pop(lead_id, None)
            no = skipped("1015", "Lead not in list")
            rows.append({"id": lead_id, "status": "removed"} if was else {"id": lead_id, **no})
        return {"result": rows}

    def _campaign(self, _asked: Asked, campaign_id: str) -> Record:
        found = self.campaigns.get(int(campaign_id))
        if found is None:
            raise Refusal(1013, "Campaign not found")
        return {"result": [{"id": int(campaign_id), **found}]}

    def _trigger(self, asked: Asked, campaign_id: str) -> Record:
        found = self.campaigns.get(int(campaign_id), {})
        if found.get("type") != "trigger" or not found.get("active"):
            raise Refusal(1003, "Trigger campaign not found or not active")
        ids = [each["id"] for each in asked.body["input"]["leads"]]
        if len(ids) > 100 or len(set(ids)) < len(ids):
            raise Refusal(1003, "Too many leads")
        if gone := [each for each in ids if each not in self.leads]:
            raise Refusal(1004, f"Lead '{gone[0]}' not found")
        tokens = {each["name"]: each["value"] for each in asked.body["input"].get("tokens", [])}
        self.requested.append((int(campaign_id), ids, tokens))
        return {"result": [{"id": int(campaign_id)}]}

    def _paging(self, asked: Asked) -> Record:
        since = parse_instant(asked.query["sinceDatetime"])
        if since is None:
            raise Refusal(704, "Invalid date format")
        return {"nextPageToken": token_of(since, -1)}

    def _activities(self, asked: Asked) -> Record:
        types = {int(each) for each in asked.query["activityTypeIds"].split(",")}
        if len(types) > 10:
            raise Refusal(1003, "Too many types")
        return self._feed(self.activities, asked, lambda row: row["activityTypeId"] in types)

    def _changes(self, asked: Asked) -> Record:
        if not asked.query.get("fields"):
            raise Refusal(1002, "Missing value for fields")
        return self._feed(self.changes, asked, lambda _: True)

    def _gone(self, asked: Asked) -> Record:
        return self._feed(self.deleted, asked, lambda _: True)

    def _feed(self, feed: Feed, asked: Asked, takes: Callable[[Record], bool]) -> Record:
        size = min(int(asked.query.get("batchSize", MOST)), MOST)
        rows, token, more = feed.after(asked.query["nextPageToken"], size, takes)
        return {"result": rows, "nextPageToken": token, "moreResult": more}

    def _objects(self, asked: Asked, kind: str) -> Record:
        by, values = asked.query["filterType"], set(asked.query["filterValues"].split(","))
        names = asked.query["fields"].split(",")
        found = [each for each in self.objects.get(kind, []) if str(each.get(by)) in values]
        rows = [{n: each[n] for n in names if n in each} for each in found]
        return self._page(asked, [{"seq": seq, **row} for seq, row in enumerate(rows)])

    def _named(self, asked: Asked, list_id: str) -> Record:
        names = asked.query["fields"].split(",")
        found = [each for each in self.objects.get("named", []) if list_id in each["lists"]]
        rows = [{name: each.get(name) for name in names} for each in found]
        return self._page(asked, [{"seq": seq, **row} for seq, row in enumerate(rows)])

    def _described(self, _asked: Asked, *_: str) -> Record:
        fields = [{"name": name} for name in TYPES]
        return {"result": [{"name": "API Lead", "fields": fields, "searchableFields": []}]}

    def _usage(self, _asked: Asked) -> Record:
        return {"result": [{"date": "2011-12-06", "total": self.calls, "users": []}]}

    def _import(self, asked: Asked) -> Record:
        return self.imports.begin(asked)

    def _import_state(self, _asked: Asked, batch: str) -> Record:
        return self.imports.state(int(batch))

    def _import_rows(self, _asked: Asked, batch: str, kind: str) -> Told:
        return self.imports.file(int(batch), kind)


def token_of(at: datetime, number: int) -> str:
    """A place in a feed, as nobody can read it."""
    return urlsafe_b64encode(f"{at.isoformat()} {number}".encode()).decode()


def _place(token: str) -> tuple[datetime, int]:
    at, _, number = urlsafe_b64decode(token).decode().partition(" ")
    return datetime.fromisoformat(at), int(number)


Route = tuple[str, str, Callable[..., "Record | Told"]]
ROUTES: list[Route] = [
    ("GET", r"/rest/v1/leads\.json", Marketo._leads),
    ("POST", r"/rest/v1/leads\.json", Marketo._upsert),
    ("GET", r"/rest/v1/lists\.json", Marketo._lists),
    ("POST", r"/rest/asset/v1/staticLists\.json", Marketo._new_list),
    ("GET", r"/rest/v1/lists/(\d+)/leads\.json", Marketo._on_list),
    ("POST", r"/rest/v1/lists/(\d+)/leads\.json", Marketo._join),
    ("DELETE", r"/rest/v1/lists/(\d+)/leads\.json", Marketo._leave),
    ("GET", r"/rest/v1/campaigns/(\d+)\.json", Marketo._campaign),
    ("POST", r"/rest/v1/campaigns/(\d+)/trigger\.json", Marketo._trigger),
    ("GET", r"/rest/v1/activities/pagingtoken\.json", Marketo._paging),
    ("GET", r"/rest/v1/activities\.json", Marketo._activities),
    ("GET", r"/rest/v1/activities/leadchanges\.json", Marketo._changes),
    ("GET", r"/rest/v1/activities/deletedleads\.json", Marketo._gone),
    ("GET", r"/rest/v1/(companies|opportunities|opportunities/roles)\.json", Marketo._objects),
    ("GET", r"/rest/v1/namedAccountList/([^/]+)/namedAccounts\.json", Marketo._named),
    ("GET", r"/rest/v1/(?:leads/describe2|activities/types)\.json", Marketo._described),
    (
        "GET",
        r"/rest/v1/(?:companies|opportunities|namedaccounts)/describe\.json",
        Marketo._described,
    ),
    ("GET", r"/rest/v1/stats/usage\.json", Marketo._usage),
    ("POST", r"/bulk/v1/leads\.json", Marketo._import),
    ("GET", r"/bulk/v1/leads/batch/(\d+)\.json", Marketo._import_state),
    ("GET", r"/bulk/v1/leads/batch/(\d+)/(failures|warnings)\.json", Marketo._import_rows),
]
