"""Contacts, companies and deals by the CRM search, and the subscriptions of contacts that changed.

The search hands out no more than 10,000 records of a question, and a record that changes meanwhile
moves in it. So each page is a question of its own: what changed since, of the ids after the last
one, in the order of ids.

Sources: developers.hubspot.com, CRM search (operators, limits), associations v3, subscription
preferences v4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from connectors.core.api.windows import windowed_pages
from connectors.core.errors import RetryLater
from connectors.core.http import HttpClient
from connectors.core.payload import at_path, record_reader
from connectors.core.spec import Page, ReadContext, Stream
from connectors.core.vendors import hubspot
from connectors.sources.hubspot.asking import Row, connected, rows_of
from connectors.sources.hubspot.beside import Beside, contact_key

# A server that gives one page again and again is asked so often before we give up.
MOST_REPEATS: Final = 3
WIDE: Final = "all"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object. `changed` is the property with the time of its last change."""

    stream: Stream
    changed: str
    properties: tuple[str, ...]


CONTACTS: Final = Kind(
    Stream(
        "contacts",
        "id",
        "updatedAt",
        {
            "email": ("properties.email", "properties.work_email"),
            "phone": ("properties.phone", "properties.mobilephone"),
        },
        {"user_id": ("contactKey",)},
    ),
    "lastmodifieddate",
    (
        *("email", "work_email", "phone", "mobilephone", "firstname", "lastname", "address", "zip"),
        *("city", "company", "country", "hs_country_region_code", "hs_language", "date_of_birth"),
        *("hs_timezone", "lifecyclestage", "hubspot_owner_id", "associatedcompanyid", "createdate"),
    ),
)
COMPANIES: Final = Kind(
    Stream("companies", "id", "updatedAt"),
    "hs_lastmodifieddate",
    ("name", "domain", "lifecyclestage", "hubspot_owner_id", "createdate"),
)
DEALS: Final = Kind(
    Stream("deals", "id", "updatedAt", people={"user_id": ("contactKey",)}),
    "hs_lastmodifieddate",
    (
        *("dealname", "pipeline", "dealstage", "hs_is_closed", "hs_is_closed_won", "amount"),
        *("deal_currency_code", "hubspot_owner_id", "createdate", "closedate"),
    ),
)
KINDS: Final = (CONTACTS, COMPANIES, DEALS)
SUBSCRIPTIONS: Final = Stream(
    "subscriptions",
    "key",
    "timestamp",
    {"email": ("subscriberIdString",)},
    {"user_id": ("contactKey",)},
)


def read(context: ReadContext) -> Iterator[Page]:
    """Read the objects of a kind that changed."""
    kind = next(each for each in KINDS if each.stream.name == context.stream.name)
    size = min(context.page_size, hubspot.MOST)
    client, more = connected(context, searches=True), Beside(context)

    def listed(start: datetime | None, place: str | None) -> Iterator[tuple[Sequence[Any], str]]:
        for rows, last in found(client, kind, size, start, place):
            yield more.of(rows), last

    yield from windowed_pages(context, listed, record_reader(kind.stream))


def read_subscriptions(context: ReadContext) -> Iterator[Page]:
    """Read what contacts that changed subscribed to or left; who said nothing has no record."""
    size = min(context.page_size, hubspot.MOST)
    client, searching = connected(context), connected(context, searches=True)

    def listed(start: datetime | None, place: str | None) -> Iterator[tuple[Sequence[Any], str]]:
        for rows, last in found(searching, CONTACTS, size, start, place):
            yield _subscriptions(client, context.source_id, rows), last

    yield from windowed_pages(context, listed, record_reader(SUBSCRIPTIONS))


def found(
    client: HttpClient, kind: Kind, size: int, start: datetime | None, place: str | None
) -> Iterator[tuple[list[Row], str]]:
    """What changed since, by id; the place is the last id."""
    repeats = 0
    while True:
        reply = client.post(_address(kind), _question(kind, size, start, place))
        rows = rows_of(reply)
        if not rows and not at_path(reply.body, "total"):
            return
        last = max((_number(each) for each in rows), default=0)
        if last > int(place or 0):
            place, repeats = str(last), 0
            yield rows, place
        elif (repeats := repeats + 1) > MOST_REPEATS:
            what = "the same page, or none where one has to be, comes again and again"
            raise RetryLater(what, f"HubSpot, {kind.stream.name}", "Run again later.")


def _address(kind: Kind) -> str:
    return f"/crm/v3/objects/{kind.stream.name}/search"


def _question(kind: Kind, size: int, start: datetime | None, place: str | None) -> Row:
    filters = []
    if start:
        moment = str(int(start.timestamp() * 1000))
        filters.append({"propertyName": kind.changed, "operator": "GTE", "value": moment})
    if place:
        filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": place})
    return {
        "filterGroups": [{"filters": filters}] if filters else [],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": list(kind.properties),
        "limit": size,
    }


def _number(row: Row) -> int:
    digits = str(at_path(row, "id"))
    return int(digits) if digits.isdecimal() else 0


def _subscriptions(client: HttpClient, source_id: str, rows: Sequence[Row]) -> list[Row]:
    """What these contacts said: of each subscription type, and of all emails."""
    by_email: Mapping[str, Row] = {
        str(email).lower(): row for row in rows if (email := at_path(row, "properties.email"))
    }
    if not by_email:
        return []
    told: list[Row] = []
    for address, part in (
        (hubspot.STATUSES_READ, "statuses"),
        (hubspot.OPTED_OUT_READ, "wideStatuses"),
    ):
        reply = client.post(address, {"inputs": sorted(by_email)})
        for each in rows_of(reply):
            row = by_email.get(str(each.get("subscriberIdString", "")).lower())
            said: Any = each.get(part)
            told += [_said(source_id, row, one) for one in said or () if row and _tells(one)]
    return told


def _tells(status: Row) -> bool:
    """Whether somebody said something; nobody subscribes to all emails as such."""
    state = status.get("status")
    return state == "UNSUBSCRIBED" or (state == "SUBSCRIBED" and "subscriptionId" in status)


def _said(source_id: str, contact: Row, status: Row) -> Row:
    type_ = status.get("subscriptionId", WIDE)
    key = f"{contact.get('id')}/{type_}"
    return {**status, "key": key, "contactKey": contact_key(source_id, contact)}
