"""People into Eloqua: a definition of one's own, rows staged for it in as few posts as they fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from connectors.core.clock import parse_instant
from connectors.core.errors import RetryLater
from connectors.core.http import Unanswered
from connectors.core.payload import at_path
from connectors.core.vendors.eloqua import EXPORTS, PAGE, POST_BYTES, Bulk

ATTEMPTS: Final = 3
Row = Mapping[str, str]

PEOPLE: Final = {
    "id": "{{Contact.Id}}",
    "email": "{{Contact.Field(C_EmailAddress)}}",
    "subscribed": "{{Contact.Email.IsSubscribed}}",
    "bounced": "{{Contact.Email.IsBounced}}",
}
NO, YES = {"false", "0", "no"}, {"true", "1", "yes"}


def on_list(list_id: str) -> str:
    """How Eloqua writes a list."""
    return f"{{{{ContactList[{list_id}]}}}}"


def definition(name: str, fields: Mapping[str, str], identifier: str) -> dict[str, Any]:
    """A definition of fields that goes by itself once nobody can ask for it any more."""
    return {
        "name": name,
        "fields": dict(fields),
        "identifierFieldName": identifier,
        "isSyncTriggeredOnImport": False,
    }


def staged(bulk: Bulk, kind: str, body: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Define, and stage the rows; the uri of the definition. Nothing is done with them yet.

    Where nobody knows whether a post was staged, another definition is made: rows that came twice
    would be told as duplicates, and both be rejected.

    Raises:
        RetryLater, FixConfig: as `HttpClient.post`.
    """
    for _ in range(ATTEMPTS):
        uri = bulk.define(kind, body)
        try:
            for post in posts(rows):
                bulk.stage(uri, post)
        except Unanswered:
            continue
        return uri
    what = "Eloqua does not answer when data is staged"
    raise RetryLater(what, kind, "Run again later.")


def posts(rows: Sequence[Row], most: int = POST_BYTES) -> Iterator[bytes]:
    """The rows as lists in JSON, each as long as a post may be."""
    post = bytearray(b"[")
    for row in rows:
        text = orjson.dumps(row)
        if len(post) > 1 and len(post) + len(text) + len(b",]") > most:
            yield bytes(post[:-1] + b"]")
            post = bytearray(b"[")
        post += text + b","
    if len(post) > 1:
        post[-1:] = b"]"
        yield bytes(post)


def fitting(rows: Sequence[Row]) -> int:
    """How many of the first rows fit into one post: by their places in it rejects are told."""
    first = next(posts(rows), b"[]")
    size, count = len(b"["), 0
    for row in rows:
        size += len(orjson.dumps(row)) + len(b",")
        if size > len(first):
            break
        count += 1
    return count


def rejects(bulk: Bulk, sync: str) -> Iterator[tuple[str, int, str]]:
    """What a sync did not take: the email or id of the row, its place (from 1), Eloqua's code."""
    for each in bulk.listed(f"{sync}/rejects"):
        values = at_path(each, "fieldValues")
        values = values if isinstance(values, dict) else {}
        known = values.get("email") or values.get("id") or ""
        place, code = at_path(each, "recordIndex"), at_path(each, "statusCode")
        yield (
            str(known).strip().lower(),
            place if isinstance(place, int) else 0,
            code if isinstance(code, str) and code.startswith("ELQ-") else "rejected by Eloqua",
        )


class Person(NamedTuple):
    """Somebody on a list. `is_barred`: Eloqua does not write to them."""

    id: str
    email: str
    is_barred: bool


def listed_people(bulk: Bulk, name: str, list_id: str) -> Iterator[Person]:
    """Everybody on a list; emails in lower case.

    Raises:
        RetryLater: Eloqua did not export them, for now.
    """
    body = {
        "name": name,
        "fields": PEOPLE,
        "filter": f"EXISTS('{on_list(list_id)}')",
        "autoDeleteDuration": "P1D",
    }
    sync = bulk.begin(bulk.define("contacts/exports", body), EXPORTS)
    if bulk.ended(sync) == "error":
        what = "Eloqua's export of a list has failed"
        raise RetryLater(what, name, "Run again later.")
    for items, _, _ in bulk.pages(f"{sync}/data", PAGE):
        for each in items:
            told = {key: str(at_path(each, key) or "").strip() for key in PEOPLE}
            is_barred = told["subscribed"].lower() in NO or told["bounced"].lower() in YES
            yield Person(told["id"], told["email"].lower(), is_barred)


def syncs(bulk: Bulk, kind: str, prefix: str) -> Iterator[tuple[str, str]]:
    """The syncs of definitions whose names begin so: the rest of the name, and the sync's uri."""
    named: dict[object, str] = {}
    since: datetime | None = None
    for each in bulk.listed(f"/{kind}", {"q": f'"name={prefix}*"'}):
        name, made = at_path(each, "name"), parse_instant(at_path(each, "createdAt"))
        if isinstance(name, str) and name.startswith(prefix):
            named[at_path(each, "uri")] = name.removeprefix(prefix)
            since = min(made, since or made) if made else since
    if not named:
        return
    for each in bulk.listed("/syncs", {"orderBy": "createdAt DESC"}):
        made = parse_instant(at_path(each, "createdAt"))
        if made and since and made < since:
            return
        uri = at_path(each, "syncedInstanceUri")
        if uri in named:
            yield named[uri], str(at_path(each, "uri"))
