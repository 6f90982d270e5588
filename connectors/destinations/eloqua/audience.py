"""Audiences as shared contact lists, found by their name or made.

What Eloqua calls somebody is the contact's id, which it tells by an export of the list after an
import. By it they are taken off the list: their address may be forgotten by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import uuid4

from connectors.core.audience import Leaver, Member, MemberOutcome
from connectors.core.errors import RetryLater
from connectors.core.payload import at_path
from connectors.core.vendors.eloqua import IMPORTS, REST, SYNC_ACTIONS, SYNC_BYTES, Bulk, Params
from connectors.destinations.eloqua.importing import (
    Row,
    definition,
    listed_people,
    on_list,
    rejects,
    staged,
)
from connectors.destinations.eloqua.options import IDENTIFIER, NAME, WHERE, Options

# Eloqua deletes the definitions of what is repeated without harm soon.
KEPT: Final = "P1D"
MOST: Final = 50_000
# What a field of text takes at Eloqua, and its name.
FIELD_BYTES: Final = 300
UNMATCHED: Final = "ELQ-00034"


@dataclass
class EloquaAudience:
    """Keeps lists at Eloqua. `connected` logs in, once something is asked for."""

    connected: Callable[[], Bulk]
    options: Options
    name: str = NAME
    drop_size: int = 50_000

    def __repr__(self) -> str:
        """Show nothing of the account."""
        return "EloquaAudience()"

    @cached_property
    def _bulk(self) -> Bulk:
        return self.connected()

    @property
    def put_size(self) -> int:
        """As many as are synced at a time, by what their fields may hold."""
        return min(MOST, SYNC_BYTES // (FIELD_BYTES * (len(self.options.fields) + 1)))

    def list_id(self, audience: str) -> str:
        """Find the list 'Parley <audience>', or make it. Raises `Unanswered` where that is lost."""
        name = f"Parley {audience}"
        params: Params = {"search": f"name='{name}'", "depth": "minimal", "count": 1_000}
        body = self._bulk.client.get(f"{REST}/assets/contact/lists", params).body
        elements = at_path(body, "elements")
        for each in elements if isinstance(elements, list) else []:
            if at_path(each, "name") == name:
                return str(at_path(each, "id"))
        made = self._bulk.client.post_once(f"{REST}/assets/contact/list", {"name": name}).body
        list_id = str(at_path(made, "id"))
        if not list_id.isdecimal():
            what = "Eloqua does not tell the list's id"
            raise RetryLater(what, WHERE, "Run again later.")
        return list_id

    def put(self, list_id: str, members: Sequence[Member]) -> list[MemberOutcome]:
        """Import people and add them to the list; new ones get the id that Eloqua gave them."""
        rows: list[Row] = [self.options.row(m.address, m.properties) for m in members]
        body = {
            **definition(_named("put", list_id), self.options.statements(), IDENTIFIER),
            "isUpdatingMultipleMatchedRecords": False,
            "autoDeleteDuration": KEPT,
        }
        if not all(member.is_listed for member in members):
            body["syncActions"] = [{"action": "add", "destination": on_list(list_id)}]
        uri = staged(self._bulk, "contacts/imports", body, rows)
        refused = self._ended(self._bulk.begin(uri, IMPORTS))
        wanted = {_same(m) for m in members if not m.vendor_id and _same(m) not in refused}
        ids = self._ids(list_id, wanted)
        return [_outcome(member, refused, ids) for member in members]

    def drop(self, list_id: str, leavers: Sequence[Leaver]) -> list[MemberOutcome]:
        """Take contacts off the list by their ids. Whom Eloqua does not know is on no list."""
        rows: list[Row] = [{"id": each.vendor_id} for each in leavers if each.vendor_id]
        refused: dict[str, str] = {}
        if rows:
            body = {
                **definition(_named("drop", list_id), {"id": "{{Contact.Id}}"}, "id"),
                "syncActions": [{"action": "remove", "destination": on_list(list_id)}],
            }
            uri = staged(self._bulk, "contacts/syncActions", body, rows)
            refused = self._ended(self._bulk.begin(uri, SYNC_ACTIONS))
        return [_dropped(each, refused.get(each.vendor_id, "")) for each in leavers]

    def members(self, list_id: str) -> Iterator[str]:
        """The ids of all contacts on the list."""
        for each in listed_people(self._bulk, _named("members", list_id), list_id):
            yield each.id

    def _ended(self, sync: str) -> dict[str, str]:
        """Wait for a sync; the rows that it did not take, and Eloqua's code."""
        if self._bulk.ended(sync) == "error":
            what = "Eloqua's sync ended in an error"
            raise RetryLater(what, WHERE, "Run again later.")
        return {known: code for known, _, code in rejects(self._bulk, sync)}

    def _ids(self, list_id: str, wanted: set[str]) -> dict[str, str]:
        """The ids of those who are wanted, by email."""
        if not wanted:
            return {}
        people = listed_people(self._bulk, _named("ids", list_id), list_id)
        return {each.email: each.id for each in people if each.email in wanted}


def _outcome(member: Member, refused: dict[str, str], ids: dict[str, str]) -> MemberOutcome:
    if code := refused.get(_same(member)):
        return MemberOutcome(member.member_key, "rejected", member.vendor_id, code)
    vendor_id = member.vendor_id or ids.get(_same(member), "")
    if vendor_id:
        return MemberOutcome(member.member_key, "done", vendor_id)
    return MemberOutcome(member.member_key, "unknown", "", "Eloqua does not tell its id")


def _dropped(leaver: Leaver, code: str) -> MemberOutcome:
    if not leaver.vendor_id:
        return MemberOutcome(leaver.member_key, "rejected", "", "it has no id at Eloqua")
    if code and code != UNMATCHED:
        return MemberOutcome(leaver.member_key, "rejected", leaver.vendor_id, code)
    return MemberOutcome(leaver.member_key, "done", leaver.vendor_id)


def _named(what: str, list_id: str) -> str:
    return f"parley-{what}-{list_id}-{uuid4().hex[:12]}"


def _same(member: Member) -> str:
    return member.address.strip().lower()
