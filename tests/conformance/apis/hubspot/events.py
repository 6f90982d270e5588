"""Custom events: each uuid is taken once, and a batch that holds a bad one is refused whole."""

from __future__ import annotations

import re

from tests.conformance.apis.hubspot.answers import Record, paged, refused, stamp
from tests.conformance.apis.hubspot.portal import EVENT, Portal, route
from tests.conformance.http_kit import Asked, Told

MOST = 500
MOST_CHARACTERS = 256


@route("GET", "/events/v3/event-definitions/(.+)")
def definition(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del asked
    if found[1] != EVENT:
        return refused(404, "OBJECT_NOT_FOUND")
    properties = [{"name": each, "type": "string"} for each in sorted(portal.event_fields)]
    return Told({"fullyQualifiedName": EVENT, "properties": properties})


@route("POST", "/events/v3/send/batch")
def send(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    inputs = asked.body["inputs"]
    if not 0 < len(inputs) <= MOST:
        return refused(400, "VALIDATION_ERROR")
    for each in inputs:
        if why := _fault(portal, each):
            return refused(400, "VALIDATION_ERROR", why)
    for each in inputs:
        if each["uuid"] in portal.uuids:
            continue
        portal.uuids.add(each["uuid"])
        portal.events.append({**each, "occurredAt": stamp(portal.now())})
    return Told(b"", 204)


def _fault(portal: Portal, event: Record) -> str:
    if event["eventName"] != EVENT:
        return "No event with that name"
    contact = event.get("objectId") or portal.by_email.get(event.get("email", "").lower())
    if contact not in portal.objects["contacts"]:
        return f"{event.get('email') or contact} is no contact"
    if not set(event["properties"]) <= portal.event_fields:
        return "PROPERTY_DOESNT_EXIST"
    if any(len(value) > MOST_CHARACTERS for value in event["properties"].values()):
        return "a value is too long"
    if event["uuid"] in portal.uuids and portal.repeats == "refuse":
        return "An event with this uuid already exists"
    return ""


@route("GET", "/events/v3/events/?")
def shown(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    query = asked.query
    wanted = {k.removeprefix("property."): v for k, v in query.items() if k.startswith("property.")}
    rows = [
        {
            "id": each["uuid"], "eventType": each["eventName"], "objectType": "CONTACT",
            "objectId": each["objectId"], "occurredAt": each["occurredAt"],
            "properties": each["properties"],
        }
        for each in portal.events
        if portal.shows_events
        and each["eventName"] == query.get("eventType")
        and wanted.items() <= each["properties"].items()
    ]  # fmt: skip
    return Told(paged(rows, int(query.get("after", 0)), int(query.get("limit", 20))))
