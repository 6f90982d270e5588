"""Lists of contacts."""

from __future__ import annotations

import re

from tests.conformance.apis.hubspot.answers import Record, paged, refused
from tests.conformance.apis.hubspot.portal import Portal, route
from tests.conformance.http_kit import Asked, Told

MOST_CHANGES = 100_000
PAGE = 250


def make(portal: Portal, name: str, kind: str = "MANUAL") -> Record:
    """A list of contacts."""
    id_ = portal.new_id()
    portal.lists[id_] = {"listId": id_, "name": name, "processingType": kind, "members": {}}
    return portal.lists[id_]


@route("GET", "/crm/v3/lists/object-type-id/0-1/name/(.+)")
def by_name(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del asked
    for each in portal.lists.values():
        if each["name"] == found[1]:
            return Told({"list": _shown(each)})
    return refused(404, "OBJECT_NOT_FOUND")


@route("POST", "/crm/v3/lists/?")
def create(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    body = asked.body
    if any(each["name"] == body["name"] for each in portal.lists.values()):
        return refused(400, "VALIDATION_ERROR", subCategory="ILS.DUPLICATE_LIST_NAMES")
    if body["objectTypeId"] != "0-1":
        return refused(400, "VALIDATION_ERROR")
    return Told({"list": _shown(make(portal, body["name"], body["processingType"]))})


@route("PUT", r"/crm/v3/lists/(\w+)/memberships/add-and-remove")
def change(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    known = portal.lists.get(found[1])
    if known is None:
        return refused(404, "OBJECT_NOT_FOUND")
    if known["processingType"] == "DYNAMIC":
        return refused(400, "VALIDATION_ERROR", subCategory="ILS.INVALID_LIST_PROCESSING_TYPE")
    add, remove = asked.body["recordIdsToAdd"], asked.body["recordIdsToRemove"]
    if len(add) + len(remove) > MOST_CHANGES or not all(isinstance(e, str) for e in add + remove):
        return refused(400, "VALIDATION_ERROR")
    contacts, members = portal.objects["contacts"], known["members"]
    added = [each for each in add if each in contacts and each not in members]
    removed = [each for each in remove if members.pop(each, None) is not None]
    members.update(dict.fromkeys(added, True))
    missing = [each for each in add + remove if each not in contacts]
    answer = {"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": missing}
    return Told(answer)


@route("GET", r"/crm/v3/lists/(\w+)/memberships")
def members(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    known = portal.lists.get(found[1])
    size = int(asked.query.get("limit", 100))
    if known is None or size > PAGE:
        return refused(404 if known is None else 400, "OBJECT_NOT_FOUND")
    rows = [
        {"recordId": each, "membershipTimestamp": "2011-12-06T11:05:00Z"}
        for each in sorted(known["members"], key=int)
    ]
    return Told(paged(rows, int(asked.query.get("after", 0)), size))


def _shown(known: Record) -> Record:
    told = {name: value for name, value in known.items() if name != "members"}
    return {**told, "objectTypeId": "0-1", "size": len(known["members"])}
