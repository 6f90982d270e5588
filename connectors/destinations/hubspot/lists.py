"""Audiences as static lists of contacts.

Lists that HubSpot fills by itself cannot be filled from here: an audience's is a manual one, and is
called "Parley: …" so that nobody else's is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from connectors.core.audience import Leaver, Member, MemberOutcome
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http import Reply
from connectors.core.payload import at_path
from connectors.core.vendors import hubspot
from connectors.destinations.hubspot.account import (
    FINAL,
    NAME,
    WHERE,
    Account,
    Known,
    Row,
    text,
    upserted_apart,
)

LISTS: Final = "/crm/v3/lists"
CONTACT_TYPE: Final = "0-1"
BY_HAND: Final = {"MANUAL", "SNAPSHOT"}
PAGE: Final = 250


class HubSpotLists:
    """Static lists of a HubSpot account. All calls may be repeated."""

    name = NAME
    # One change of the list for so many contacts: these go in batches of 100.
    put_size = 2_000
    drop_size = 10_000

    def __init__(self, account: Account) -> None:
        self._client = account.client
        pairs = (each.split("=") for each in hubspot.chosen(account.options, "properties"))
        self._names = {pair[0].strip(): pair[-1].strip() for pair in pairs}

    def __repr__(self) -> str:
        """Show nothing of the settings."""
        return "HubSpotLists()"

    def list_id(self, audience: str) -> str:
        """Find an audience's list by its name, or make it.

        Raises:
            FixConfig: HubSpot fills the list of that name by itself, or takes no new one.
        """
        name = f"Parley: {audience}"
        address = f"{LISTS}/object-type-id/{CONTACT_TYPE}/name/{quote(name, safe='')}"
        reply = self._client.get(address)
        if reply.status == 404:  # noqa: PLR2004 - there is none yet
            kind = {"name": name, "objectTypeId": CONTACT_TYPE, "processingType": "MANUAL"}
            reply = self._client.post(f"{LISTS}/", kind)
            if reply.status == 400:  # noqa: PLR2004 - an answer was lost, or another run made it
                reply = self._client.get(address)
        if reply.status != 200:  # noqa: PLR2004
            what = f"HubSpot makes no list: {hubspot.code(reply.body)}"
            raise FixConfig(what, WHERE, "Check the scopes crm.lists.read and crm.lists.write.")
        return _manual(reply)

    def put(self, list_id: str, members: Sequence[Member]) -> list[MemberOutcome]:
        """Make people contacts and members of the list."""
        known = self._known(members)
        missing = self._change(list_id, add=_to_add(members, known))
        if missing:  # contacts that were deleted or merged there since: by address then
            gone = [m for m in members if known.ids.get(m.member_key) in missing]
            again = upserted_apart(self._client, [self._row(each) for each in gone])
            missing = self._change(list_id, add=sorted(again.ids.values()))
            for each in gone:
                known.ids.pop(each.member_key)
            known.ids |= {k: each for k, each in again.ids.items() if each not in missing}
            known.refused |= again.refused
        return [_outcome(each, known) for each in members]

    def drop(self, list_id: str, leavers: Sequence[Leaver]) -> list[MemberOutcome]:
        """Take people off the list; whoever is no contact any more is off it too."""
        self._change(list_id, remove=sorted({each.vendor_id for each in leavers}))
        return [MemberOutcome(each.member_key, "done", each.vendor_id) for each in leavers]

    def members(self, list_id: str) -> Iterator[str]:
        """The ids of the contacts on the list."""
        after: str | None = ""
        while after is not None:
            params: dict[str, str | int] = {"limit": PAGE}
            if after:
                params["after"] = after
            reply = self._client.get(f"{LISTS}/{list_id}/memberships", params)
            if problem := hubspot.refusal(reply, "the list", WHERE):
                raise problem
            yield from (str(each["recordId"]) for each in hubspot.listed(reply))
            following = hubspot.after(reply)
            if following == after:
                what = "HubSpot's list has no end"
                raise RetryLater(what, WHERE, "Run again later.")
            after = following

    def _known(self, members: Sequence[Member]) -> Known:
        """Their ids: those of whom there is news are brought up to date first."""
        news = [self._row(each) for each in members if each.properties or not each.vendor_id]
        known = upserted_apart(self._client, news)
        for each in members:
            if each.vendor_id and not each.properties:
                known.ids[each.member_key] = each.vendor_id
        return known

    def _row(self, member: Member) -> Row:
        properties = {
            self._names.get(name, f"parley_{name}"): text(value)
            for name, value in member.properties.items()
        }
        return Row(member.member_key, member.address, properties)

    def _change(
        self, list_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> set[str]:
        """Change the list; the ids that HubSpot does not know."""
        if not add and not remove:
            return set()
        change = {"recordIdsToAdd": list(add), "recordIdsToRemove": list(remove)}
        reply = self._client.put(f"{LISTS}/{list_id}/memberships/add-and-remove", change)
        if problem := hubspot.refusal(reply, "the change of a list", WHERE):
            raise problem
        missing: Any = at_path(reply.body, "recordIdsMissing")
        return {str(each) for each in missing or ()}


def _to_add(members: Sequence[Member], known: Known) -> list[str]:
    """Who is not on the list yet; a contact that became another one is not on it either."""
    ids: Mapping[str, str] = known.ids
    return sorted({
        ids[each.member_key]
        for each in members
        if each.member_key in ids
        and not (each.is_listed and ids[each.member_key] == each.vendor_id)
    })  # fmt: skip


def _manual(reply: Reply) -> str:
    kind, found = (at_path(reply.body, f"list.{name}") for name in ("processingType", "listId"))
    if kind not in BY_HAND or not found:
        what = "HubSpot fills the audience's list by itself"
        raise FixConfig(what, WHERE, "Rename that list in HubSpot; Parley then makes its own.")
    return str(found)


def _outcome(member: Member, known: Known) -> MemberOutcome:
    key = member.member_key
    if key in known.ids:
        return MemberOutcome(key, "done", known.ids[key])
    why = known.refused.get(key, "no contact came back")
    return MemberOutcome(key, "rejected" if why in FINAL else "unknown", "", why)
