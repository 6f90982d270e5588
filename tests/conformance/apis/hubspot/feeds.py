"""What is read: owners, forms and what was filled in, events of emails; newest first."""

from __future__ import annotations

import re

from tests.conformance.apis.hubspot.answers import paged, refused
from tests.conformance.apis.hubspot.portal import Portal, route
from tests.conformance.http_kit import Asked, Told


@route("GET", "/crm/v3/owners/?")
def owners(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    query = asked.query
    return Told(paged(portal.owners, int(query.get("after", 0)), int(query.get("limit", 100))))


@route("GET", "/marketing/v3/forms/?")
def forms(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    rows = [{"id": each, "name": f"Form {each}"} for each in sorted(portal.forms)]
    return Told(paged(rows, int(asked.query.get("after", 0)), int(asked.query.get("limit", 50))))


@route("GET", r"/form-integrations/v1/submissions/forms/([\w-]+)")
def submissions(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    size = int(asked.query.get("limit", 20))
    if found[1] not in portal.forms or size > 50:
        return refused(404 if size <= 50 else 400, "OBJECT_NOT_FOUND")
    rows = sorted(portal.forms[found[1]], key=lambda each: each["submittedAt"], reverse=True)
    return Told(paged(rows, int(asked.query.get("after", 0)), size))


@route("GET", "/email/public/v1/events")
def email_events(portal: Portal, asked: Asked, found: re.Match[str]) -> Told:
    del found
    query = asked.query
    size, start = int(query.get("limit", 10)), int(query.get("offset") or 0)
    if size > 1000:
        return refused(400, "VALIDATION_ERROR")
    since, until = int(query.get("startTimestamp", 0)), int(query.get("endTimestamp", 1 << 62))
    rows = [each for each in portal.email_events if since <= each["created"] <= until]
    rows.sort(key=lambda each: (each["created"], each["id"]), reverse=True)
    shown = rows[start : start + size]
    more = start + size < len(rows)
    return Told({"hasMore": more, "offset": str(start + size), "events": shown})
