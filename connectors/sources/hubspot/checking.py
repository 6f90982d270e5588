"""Whether an account can be read: the token, its scopes, and one record of each stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from connectors.core.accounts import SourceSettings
from connectors.core.errors import ParleyError
from connectors.core.http import HttpClient, Reply
from connectors.core.payload import at_path
from connectors.core.spec import Finding
from connectors.core.vendors import hubspot

Ask = Callable[[HttpClient], Reply]


def _search(kind: str) -> Ask:
    return lambda client: client.post(f"/crm/v3/objects/{kind}/search", {"limit": 1})


def _get(address: str, **params: str | int) -> Ask:
    return lambda client: client.get(address, params)


# Each stream's question for one record, its list in the answer, and the scope that it takes.
QUESTIONS: Final[dict[str, tuple[Ask, str, str]]] = {
    "contacts": (_search("contacts"), "results", "crm.objects.contacts.read"),
    "companies": (_search("companies"), "results", "crm.objects.companies.read"),
    "deals": (_search("deals"), "results", "crm.objects.deals.read"),
    "subscriptions": (
        _get("/communication-preferences/v4/definitions"),
        "results",
        "communication_preferences.read",
    ),
    "owners": (_get("/crm/v3/owners/", limit=1), "results", "crm.objects.owners.read"),
    "submissions": (_get("/marketing/v3/forms/", limit=1), "results", "forms"),
    "email_events": (_get("/email/public/v1/events", limit=1), "events", "content"),
}


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say of each stream whether it can be read. Raises nothing."""
    try:
        client = hubspot.client(settings.url, settings.token, f"source {source_id}")
        portal = at_path(client.get(hubspot.ACCOUNT).body, "portalId")
    except ParleyError as error:
        return [_error(error)]
    if portal is None:
        what = "what answers is not HubSpot"
        return [Finding("error", what, f"Correct the source's url: {hubspot.URL}.")]
    findings = [Finding("ok", f"the token opens HubSpot account {portal}")]
    return findings + [_checked(client, name) for name in QUESTIONS]


def _checked(client: HttpClient, name: str) -> Finding:
    ask, path, scope = QUESTIONS[name]
    try:
        reply = ask(client)
    except ParleyError as error:
        needed = f"It takes the scope {scope}. {error.remedy}"
        return Finding("error", f"{name}: {error.what} ({error.where})", needed)
    total = at_path(reply.body, "total")
    many = f", {total:,} records" if isinstance(total, int) else ""
    if not hubspot.listed(reply, path):
        return Finding("warning", f"{name} can be read, and is empty")
    return Finding("ok", f"{name} can be read{many}")


def _error(error: ParleyError) -> Finding:
    return Finding("error", f"{error.what} ({error.where})", error.remedy)
