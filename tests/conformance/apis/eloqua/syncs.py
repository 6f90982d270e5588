"""What a sync does: rows into contacts and lists, or records out of the instance."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.conformance.apis.eloqua.filters import parsed
from tests.conformance.apis.eloqua.records import stamp

if TYPE_CHECKING:
    from tests.conformance.apis.eloqua.site import Definition, EloquaSite

EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
FIELD = re.compile(r"\{\{Contact\.Field\((\w+)\)\}\}")
ENDED = {"success", "warning", "error"}
WORDS = {
    "ELQ-00002": "Invalid email address.",
    "ELQ-00011": "Duplicate email addresses.",
    "ELQ-00034": "Total unmatched records.",
}


@dataclass
class Sync:
    """A sync of a definition: pending, active, then ended."""

    uri: str
    definition: Definition
    made: datetime
    looks: int
    status: str = "pending"
    rejects: list[dict[str, Any]] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    def looked(self) -> bool:
        """Somebody asks after it; whether its time has come."""
        if self.has_ended:
            return False
        self.looks -= 1
        self.status = "active"
        return self.looks < 0

    def told(self) -> dict[str, Any]:
        """As it is told to whoever asks."""
        return {
            "syncedInstanceUri": self.definition.uri,
            "status": self.status,
            "createdAt": stamp(self.made),
            "createdBy": "ada",
            "uri": self.uri,
        }

    def refuse(self, place: int, row: dict[str, Any], code: str, name: str) -> None:
        """Note a row that was not taken."""
        told = {"message": WORDS[code], "statusCode": code, "recordIndex": place}
        self.rejects.append({"fieldValues": row, "invalidFields": [name], **told})


def run(site: EloquaSite, sync: Sync) -> None:
    """Do it."""
    kind, rows = sync.definition.kind, sync.definition.rows
    if re.fullmatch(site.fails, sync.definition.body["name"]):
        sync.status = "error"
        return
    if kind.endswith("exports"):
        sync.data = _exported(site, sync.definition)
        sync.status = "success"
        return
    sync.definition.rows = []
    if kind == "contacts/imports":
        _import(site, sync, rows)
        sync.status = "warning"
    else:
        _act(site, sync, rows)
        sync.status = "warning" if sync.rejects else "success"


def _import(site: EloquaSite, sync: Sync, rows: list[dict[str, Any]]) -> None:
    fields, known = sync.definition.body["fields"], sync.definition.body["identifierFieldName"]
    named = {name: FIELD.fullmatch(each) for name, each in fields.items()}
    seen: set[str] = set()
    for place, row in enumerate(rows, start=1):
        email = str(row.get(known, ""))
        if not EMAIL.fullmatch(email):
            sync.refuse(place, row, "ELQ-00002", known)
            continue
        if email.lower() in seen:
            sync.refuse(place, row, "ELQ-00011", known)
            continue
        seen.add(email.lower())
        values = {m[1]: str(row.get(n) or "") for n, m in named.items() if m and n != known}
        contact = site.contact(email, site.clock, **values)
        for action in sync.definition.body.get("syncActions", []):
            site.add(action["destination"].strip("{}").removeprefix("ContactList[")[:-1], contact)


def _act(site: EloquaSite, sync: Sync, rows: list[dict[str, Any]]) -> None:
    known = sync.definition.body["identifierFieldName"]
    for place, row in enumerate(rows, start=1):
        contact = site.contacts.get(str(row.get(known)))
        if contact is None:
            sync.refuse(place, row, "ELQ-00034", known)
            continue
        for action in sync.definition.body["syncActions"]:
            list_id = action["destination"].strip("{}").removeprefix("ContactList[")[:-1]
            if action["action"] == "remove":
                site.lists[list_id].discard(contact.id)
            else:
                site.add(list_id, contact)


def _exported(site: EloquaSite, made: Definition) -> list[dict[str, str]]:
    rows: list[dict[str, str]]
    if made.kind == "contacts/exports":
        rows = [each.row() for each in site.contacts.values()]
    elif made.kind == "activities/exports":
        rows = [each.row(site.contacts) for each in site.activities.values()]
    else:
        rows = site.accounts if made.kind == "accounts/exports" else site.customs
    test = parsed(made.body.get("filter", ""), site.lists) if made.body.get("filter") else None
    found = [row for row in rows if test is None or test(row)]
    fields = made.body["fields"].items()
    return [{name: row.get(statement, "") for name, statement in fields} for row in found]
