"""Audiences as static lists: found by name or made, their members put on and taken off by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal
from urllib.parse import urlencode

import orjson

from connectors.core.accounts import DestinationSettings
from connectors.core.audience import Leaver, Member, MemberOutcome
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http import HttpClient
from connectors.core.vendors.marketo import (
    LEADS,
    MOST,
    Json,
    connected,
    matching,
    reason_of,
    rows_of,
    whole,
)
from connectors.destinations.marketo.bulk import imported
from connectors.destinations.marketo.leads import (
    NO_ADDRESS,
    WHERE,
    Known,
    Lead,
    is_one,
    known_leads,
    pairs_of,
)

NEW_LISTS: Final = "/rest/asset/v1/staticLists.json"
FORM: Final = "application/x-www-form-urlencoded"
BULK_FROM: Final = 5_000
NOT_ON_LIST: Final = "1015"
UNTOLD: Final = "the answer does not tell of it"
MISSING: Final = "it is not there after the import"


class MarketoAudience:
    """Keeps static lists. Whoever is taken off one stays a lead."""

    name = "marketo"
    put_size = 25_000
    drop_size = MOST
    is_live = True

    def __init__(self, settings: DestinationSettings, client: HttpClient | None = None) -> None:
        """Raise `FixConfig` where lists could not be kept by these settings."""
        options = settings.options
        self._fields = pairs_of(options, "fields")
        self._partition = options.get("partition", "").strip()
        self._folder = options.get("folder", "").strip()
        self._bulk_from = whole(options, "bulk_from", BULK_FROM, WHERE)
        self._client = client or connected(settings, WHERE)

    def __repr__(self) -> str:
        """Show nothing of the settings."""
        return f"MarketoAudience({len(self._fields)} fields)"

    def list_id(self, audience: str) -> str:
        """Find the static list of that name, or make it in the folder of the option `folder`.

        Raises:
            FixConfig: there is none, and no folder is named to make it in.
        """
        reply = self._client.get("/rest/v1/lists.json", {"name": audience})
        found = [row for row in rows_of(reply) if row.get("name") == audience and row.get("id")]
        if found:
            return str(min(int(row["id"]) for row in found))
        if not self._folder.isdecimal():
            what = f"there is no static list named {audience}"
            remedy = "Make it in Marketo, or set the option folder to the id of a folder for lists."
            raise FixConfig(what, WHERE, remedy)
        folder = orjson.dumps({"id": int(self._folder), "type": "Folder"}).decode()
        form = urlencode({"name": audience, "folder": folder}).encode()
        made = rows_of(self._client.upload(NEW_LISTS, form, FORM))
        if made and made[0].get("id"):
            return str(made[0]["id"])
        what = "the answer does not tell the id of the new list"
        raise RetryLater(what, WHERE, "Run again: the list is found by its name then.")

    def put(self, list_id: str, members: Sequence[Member]) -> list[MemberOutcome]:
        """Make these people leads, with their properties, and members of the list.

        Many new ones go by a file, which Marketo imports while we wait.
        """
        new = [member for member in members if not member.is_listed]
        if len(new) >= self._bulk_from:
            told = self._put_file(list_id, new)
            listed = [member for member in members if member.is_listed]
            told |= self._put_rows(list_id, listed)
        else:
            told = self._put_rows(list_id, members)
        return [told[member.member_key] for member in members]

    def drop(self, list_id: str, leavers: Sequence[Leaver]) -> list[MemberOutcome]:
        """Take these people off the list; who was not on it is done, too."""
        ids = list(dict.fromkeys(each.vendor_id for each in leavers if each.vendor_id.isdecimal()))
        why: dict[str, str] = {}
        for first in range(0, len(ids), MOST):
            part = ids[first : first + MOST]
            query = urlencode([("id", each) for each in part])
            body = {"input": [{"id": int(each)} for each in part]}
            rows = rows_of(self._client.delete(f"{_members(list_id)}?{query}", body))
            why |= _reasons(part, rows)
        return [_dropped(leaver, why) for leaver in leavers]

    def members(self, list_id: str) -> Iterator[str]:
        """The ids of all leads on the list, page by page."""
        params: dict[str, str | int] = {"fields": "id", "batchSize": MOST}
        while True:
            reply = self._client.get(_members(list_id), params)
            yield from (str(row["id"]) for row in rows_of(reply) if row.get("id"))
            token = reply.body.get("nextPageToken")
            if not token or token == params.get("nextPageToken"):
                return
            params["nextPageToken"] = str(token)

    def _put_rows(self, list_id: str, members: Sequence[Member]) -> dict[str, MemberOutcome]:
        told: dict[str, MemberOutcome] = {}
        for first in range(0, len(members), MOST):
            part = members[first : first + MOST]
            known = known_leads(
                self._client, [self._lead(member) for member in part], self._partition
            )
            pairs = list(zip(part, known, strict=True))
            joining = [lead.lead_id for member, lead in pairs if not _is_on(member, lead)]
            why = self._join(list_id, [each for each in dict.fromkeys(joining) if each])
            told |= {member.member_key: _put(member, lead, why) for member, lead in pairs}
        return told

    def _join(self, list_id: str, ids: Sequence[str]) -> dict[str, str]:
        """Put leads on the list; why not, by id."""
        if not ids:
            return {}
        body = {"input": [{"id": int(each)} for each in ids]}
        return _reasons(ids, rows_of(self._client.post(_members(list_id), body)))

    def _put_file(self, list_id: str, members: Sequence[Member]) -> dict[str, MemberOutcome]:
        """Import a file into the list; then ask what the leads are called."""
        names = ["email", *dict.fromkeys(self._fields.values())]
        good = [each for each in members if is_one(address_of(each))]
        leads = [self._lead(each) for each in good]
        ended = imported(self._client, list_id, names, leads, self._partition)
        asked = dict.fromkeys(x.address for x in good if address_of(x) not in ended.refused)
        ids: dict[str, str] = {}
        for row in matching(self._client, LEADS, "email", asked, ("id", "email")):
            ids.setdefault(str(row.get("email")).strip().lower(), str(row.get("id")))
        told: dict[str, MemberOutcome] = {}
        for member in members:
            address = address_of(member)
            why = ended.refused.get(address, MISSING if is_one(address) else NO_ADDRESS)
            put = _put(member, Known(ids.get(address, ""), why), {})
            warned = ended.warned.get(address, "") if put.state == "done" else ""
            told[member.member_key] = replace(put, detail=f"warning: {warned}") if warned else put
        return told

    def _lead(self, member: Member) -> Lead:
        named = {self._fields[name]: value for name, value in member.properties.items()
                 if name in self._fields}  # fmt: skip
        return {**named, "email": member.address}


def address_of(member: Member) -> str:
    """A member's address as Marketo compares it."""
    return member.address.strip().lower()


def _members(list_id: str) -> str:
    return f"/rest/v1/lists/{int(list_id)}/leads.json"


def _is_on(member: Member, lead: Known) -> bool:
    """Whether it is on the list: a lead that was deleted came back as another one."""
    return member.is_listed and lead.lead_id == member.vendor_id


def _reasons(ids: Sequence[str], rows: Sequence[Json]) -> dict[str, str]:
    """Why leads were left out, by id; who is not told of is left out, too."""
    told = {str(row.get("id")): row for row in rows}
    why = dict.fromkeys((each for each in ids if each not in told), UNTOLD)
    skipped = {each: row for each, row in told.items() if row.get("status") == "skipped"}
    return why | {each: reason_of(row) for each, row in skipped.items()}


def _put(member: Member, lead: Known, why: Mapping[str, str]) -> MemberOutcome:
    detail = why.get(lead.lead_id, "") if lead.lead_id else lead.why
    if detail:
        state: Literal["unknown", "rejected"] = "unknown" if detail == UNTOLD else "rejected"
        return MemberOutcome(member.member_key, state, lead.lead_id, detail)
    return MemberOutcome(member.member_key, "done", lead.lead_id)


def _dropped(leaver: Leaver, why: Mapping[str, str]) -> MemberOutcome:
    detail = why.get(leaver.vendor_id, "")
    # Deleted leads are on no list.
    is_off = not detail or detail.partition(":")[0] in {NOT_ON_LIST, "1004"}
    state: Literal["done", "rejected", "unknown"] = "unknown" if detail == UNTOLD else "rejected"
    if is_off and leaver.vendor_id.isdecimal():
        state = "done"
    return MemberOutcome(leaver.member_key, state, leaver.vendor_id, detail)
