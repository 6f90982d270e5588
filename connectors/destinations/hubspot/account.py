"""The HubSpot account of the settings, and its contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.core.errors import SkipRecord
from connectors.core.http import HttpClient
from connectors.core.payload import at_path
from connectors.core.settings import Settings
from connectors.core.vendors import hubspot

NAME: Final = "hubspot"
WHERE: Final = "destination hubspot"
UPSERT: Final = f"{hubspot.CONTACTS}/batch/upsert"
# Reasons of a refusal that another try won't change.
FINAL: Final = {"VALIDATION_ERROR", "INVALID_EMAIL", "CONFLICT", "OBJECT_NOT_FOUND"}
Value = str | int | float | bool | None


@dataclass(frozen=True)
class Account:
    """An account and what its options say."""

    client: HttpClient = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, client: HttpClient | None = None) -> Account:
        """The account of the settings. Raises `FixConfig` where there is no token."""
        own = settings.destination(NAME)
        if client is None:
            client = hubspot.client(own.url, own.token, WHERE, hubspot.ANSWERED)
        return cls(client, own.options)


@dataclass(frozen=True, slots=True)
class Row:
    """A contact to be known by its address, with its properties by HubSpot's names."""

    key: str
    address: str
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def email(self) -> str:
        """The address as HubSpot compares it."""
        return self.address.strip().lower()


@dataclass(slots=True)
class Known:
    """HubSpot's ids of contacts, and the codes of why it has none; both by the row's key."""

    ids: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def upserted(client: HttpClient, rows: Sequence[Row]) -> Known:
    """Make contacts known, or bring their properties up to date; at most `hubspot.MOST`.

    Raises:
        SkipRecord: refused whole, because of some row.
        FixConfig, RetryLater: as `connectors.core.http`; HubSpot lacks a property.
    """
    known, by_email = Known(), _by_email(rows)
    if not by_email:
        return known
    reply = client.post(UPSERT, {"inputs": [_input(each) for each in by_email.values()]})
    if problem := hubspot.refusal(reply, "contacts", WHERE):
        raise problem
    ids = _ids(hubspot.listed(reply), by_email)
    errors = hubspot.listed(reply, "errors")
    codes, otherwise = _codes(errors), next(map(hubspot.code, errors), "no contact came back")
    for row in rows:
        if row.email in ids:
            known.ids[row.key] = ids[row.email]
        else:
            known.refused[row.key] = codes.get(by_email[row.email].key, otherwise)
    return known


def upserted_apart(client: HttpClient, rows: Sequence[Row]) -> Known:
    """As `upserted`, of any number: a batch that is refused is halved until bad rows are alone.

    Raises:
        FixConfig, RetryLater: as `upserted`.
    """
    known, left = Known(), list(hubspot.chunks(rows))
    while left:
        batch = left.pop()
        try:
            found = upserted(client, batch)
        except SkipRecord as error:
            if len(batch) == 1:
                known.refused[batch[0].key] = error.what.rpartition(": ")[2]
            else:
                left += hubspot.chunks(batch, (len(batch) + 1) // 2)
            continue
        known.ids |= found.ids
        known.refused |= found.refused
    return known


def text(value: Value) -> str:
    """A property's value as HubSpot reads it; '' clears it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _by_email(rows: Sequence[Row]) -> dict[str, Row]:
    """One row for each address: HubSpot refuses a batch that names one twice."""
    found: dict[str, Row] = {}
    for row in rows:
        first = found.get(row.email)
        merged = {**first.properties, **row.properties} if first else row.properties
        found[row.email] = Row(first.key if first else row.key, row.address, merged)
    return found


def _input(row: Row) -> dict[str, Any]:
    return {
        "id": row.email,
        "idProperty": "email",
        "objectWriteTraceId": row.key,
        "properties": {"email": row.email, **row.properties},
    }


def _ids(results: Sequence[Any], by_email: Mapping[str, Row]) -> dict[str, str]:
    """The ids by address: a result names the row that it answers, or at least its address."""
    by_trace = {row.key: email for email, row in by_email.items()}
    found: dict[str, str] = {}
    for each in results:
        email = str(at_path(each, "properties.email") or "").lower()
        email = by_trace.get(str(each.get("objectWriteTraceId")), email)
        if each.get("id"):
            found[email] = str(each["id"])
    return found


def _codes(errors: Sequence[Any]) -> dict[str, str]:
    """The code of each row that an error names."""
    found: dict[str, str] = {}
    for error in errors:
        traces: Any = at_path(error, "context.objectWriteTraceId")
        found |= dict.fromkeys(map(str, traces or ()), hubspot.code(error))
    return found
