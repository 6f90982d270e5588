"""CRM objects: batch upsert of contacts, search, associations, and who unsubscribed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from tests.conformance.apis.hubspot.answers import Record, batch, paged, refused, stamp
from tests.conformance.apis.hubspot.portal import TYPE, Portal, route
from tests.conformance.http_kit import Asked, Told

MOST = 100
DEEPEST = 10_000
EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[a-z]{2,}")
MODIFIED = {
    "contacts": "lastmodifieddate", "companies": "hs_lastmodifieddate",
    "deals": "hs_lastmodifieddate",
}  # fmt: skip


def put(portal: Portal, kind: str, id_: str, at: datetime, **properties: Any) -> Record:
    """Write an object, changed at that moment."""
    known = portal.objects[kind].get(id_, {"createdAt": stamp(at), "properties": {}})
    told = {**known["properties"], **properties, "hs_object_id": id_, MODIFIED[kind]: stamp(at)}
    told.setdefault("createdate", stamp(at))
    record = {**known, "id": id_, "properties": told, "updatedAt": stamp(at), "archived": False}
    portal.objects[kind][id_] = record
    if kind == "contacts" and told.get("email"):
        portal.by_email[told["email"].lower()] = id_
    return record


@route("POST", "/crm/v3/objects/contacts/batch/upsert")
def upsert(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    inputs = asked.body["inputs"]
    if not 0 < len(inputs) <= MOST:
        return refused(400, "VALIDATION_ERROR", "The maximum number of inputs is 100")
    if len({each["id"].lower() for each in inputs}) < len(inputs):
        return refused(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")
    lacking = {name for each in inputs for name in each["properties"]} - portal.properties
    if lacking:
        said = (
            f'Property values were not valid: [{{"error":"PROPERTY_DOESNT_EXIST","n":"{lacking}"}}]'
        )
        return refused(400, "VALIDATION_ERROR", said)
    bad = [each for each in inputs if not EMAIL.fullmatch(each["id"].lower())]
    if bad and portal.refuses == "whole":
        return refused(400, "VALIDATION_ERROR", f"Email address {bad[0]['id']} is invalid")
    errors = [
        {
            "status": "error", "category": "VALIDATION_ERROR",
            "message": f"Email address {each['id']} is invalid",
            "context": {"objectWriteTraceId": [each["objectWriteTraceId"]]},
        }
        for each in bad
    ]  # fmt: skip
    return batch([_upserted(portal, each) for each in inputs if each not in bad], errors)


def _upserted(portal: Portal, asked: Record) -> Record:
    email = asked["id"].lower()
    known = portal.by_email.get(email)
    record = put(portal, "contacts", known or portal.new_id(), portal.now(), **asked["properties"])
    trace = (
        {"objectWriteTraceId": asked["objectWriteTraceId"]} if "objectWriteTraceId" in asked else {}
    )
    return {**record, **trace, "new": known is None}


@route("POST", "/crm/v3/objects/(contacts|companies|deals)/search")
def search(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    kind, body = found[1], asked.body
    size, start = body.get("limit", 10), int(body.get("after", 0))
    if size > MOST or start + size > DEEPEST:
        return refused(400, "VALIDATION_ERROR")
    groups = body.get("filterGroups") or [{"filters": []}]
    rows = [
        each
        for each in portal.objects[kind].values()
        if any(all(_holds(each, f) for f in group["filters"]) for group in groups)
    ]
    for sort in reversed(body.get("sorts", [])):
        is_down = sort["direction"] == "DESCENDING"
        rows.sort(key=lambda each: _number(each, sort["propertyName"]), reverse=is_down)
    wanted = {*body.get("properties", ()), "hs_object_id", "createdate", MODIFIED[kind]}
    shown = [_shown(each, wanted) for each in rows]
    return Told(paged(shown, start, size, total=len(rows)))


@route("POST", "/crm/v3/associations/deals/(contacts|companies)/batch/read")
def linked(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    links = portal.links.get(found[1], {})
    results = [
        {
            "from": {"id": each["id"]},
            "to": [{"id": to, "type": "deal_to"} for to in links[each["id"]]],
        }
        for each in asked.body["inputs"]
        if each["id"] in links
    ]
    return batch(results)


@route("POST", "/communication-preferences/v4/statuses/batch/read")
def statuses(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    return _told(portal, asked, "statuses")


@route("POST", "/communication-preferences/v4/statuses/batch/unsubscribe-all/read")
def wide(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    return _told(portal, asked, "wideStatuses")


@route("GET", "/communication-preferences/v4/definitions")
def types(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del portal, asked, found
    return Told({"results": [{"id": TYPE, "name": "Marketing", "isActive": True}]})


def _told(portal: Portal, asked: Asked, kind: str) -> Told:
    emails = asked.body["inputs"]
    if asked.query.get("channel") != "EMAIL" or not 0 < len(emails) <= MOST:
        return refused(400, "VALIDATION_ERROR")
    results = []
    for email in emails:
        is_wide = email in portal.left_all
        types_ = portal.left.get(email, set()) | {TYPE}
        said = {
            "channel": "EMAIL",
            "subscriberIdString": email,
            "timestamp": "2011-12-01T09:00:00Z",
        }
        has_left = portal.left.get(email, ())
        told = [
            {
                **said, "subscriptionId": type_, "legalBasis": None, "source": "Public Status API",
                "status": "UNSUBSCRIBED" if type_ in has_left else "NOT_SPECIFIED",
            }
            for type_ in sorted(types_)
        ]  # fmt: skip
        if kind == "wideStatuses":
            status = "UNSUBSCRIBED" if is_wide else "SUBSCRIBED"
            told = [{**said, "wideStatusType": "PORTAL_WIDE", "status": status}]
        results.append({"subscriberIdString": email, kind: told})
    return batch(results)


def _shown(record: Record, wanted: set[str]) -> Record:
    told = {name: record["properties"].get(name) for name in sorted(wanted)}
    return {**record, "properties": told}


def _holds(record: Record, wanted: Record) -> bool:
    name = wanted["propertyName"]
    value, bound = _number(record, name), _as_number(wanted["value"])
    return {"GTE": value >= bound, "LTE": value <= bound, "GT": value > bound}[wanted["operator"]]


def _number(record: Record, name: str) -> float:
    return _as_number(record["properties"].get(name) or "0")


def _as_number(text: str) -> float:
    """Numbers and times, which are numbers of milliseconds, are compared as such."""
    if str(text).isdecimal():
        return float(text)
    return datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000
