"""Whether messages and audiences would arrive: token, scopes, limits, event, subscription type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

from connectors.core.errors import ParleyError
from connectors.core.http import HttpClient
from connectors.core.payload import at_path
from connectors.core.settings import Settings
from connectors.core.spec import Finding
from connectors.core.vendors import hubspot
from connectors.destinations.hubspot.account import NAME, Account
from connectors.destinations.hubspot.events import CONTENT, EVENT_PROPERTIES

TOKEN_INFO: Final = "/oauth/v2/private-apps/get/access-token-info"  # noqa: S105 - an address
USAGE: Final = "/account-info/v3/api-usage/daily/private-apps"
DEFINITIONS: Final = "/events/v3/event-definitions"
TYPES: Final = "/communication-preferences/v4/definitions"
SCOPES: Final = {
    "crm.objects.contacts.read": "audiences and messages",
    "crm.objects.contacts.write": "audiences and messages",
    "communication_preferences.read": "messages",
    "analytics.behavioral_events.send": "messages",
    "behavioral_events.event_definitions.read_write": "messages",
    "crm.lists.read": "audiences",
    "crm.lists.write": "audiences",
}
# Below this part of the daily calls a run may come to its end too early.
FEW_LEFT: Final = 0.1
_OTHER: Final = "Check the url and the private app in HubSpot."


def check(settings: Settings, client: HttpClient | None = None) -> list[Finding]:
    """Look whether messages and audiences would arrive. Sends nothing, raises nothing."""
    try:
        account = Account.of(settings, client)
        details = account.client.get(hubspot.ACCOUNT)
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]
    portal = at_path(details.body, "portalId")
    if portal is None:
        return [Finding("error", "what answers is not HubSpot", _OTHER)]
    token = settings.destination(NAME).token
    secret = token.get_secret_value() if token else ""
    steps: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: _scopes(account.client, secret),
        lambda: _usage(account.client),
        lambda: _event(account),
        lambda: _subscription(account),
        lambda: _properties(account),
    )
    findings = [Finding("ok", f"the token opens HubSpot account {portal}")]
    return findings + [found for step in steps for found in _safely(step)]


def _safely(step: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(step())
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]


def _scopes(client: HttpClient, token: str) -> Iterator[Finding]:
    reply = client.post(TOKEN_INFO, {"tokenKey": token})
    scopes: Any = at_path(reply.body, "scopes")
    if not isinstance(scopes, list):
        yield Finding("warning", "HubSpot does not tell the token's scopes", _OTHER)
        return
    for scope, use in SCOPES.items():
        if scope not in scopes:
            remedy = f"Give the private app the scope {scope}: {use} need it."
            yield Finding("error", f"the scope {scope} is missing", remedy)


def _usage(client: HttpClient) -> Iterator[Finding]:
    for each in hubspot.listed(client.get(USAGE)):
        used, limit = each.get("currentUsage"), each.get("usageLimit")
        if not isinstance(used, int) or not isinstance(limit, int) or not limit:
            continue
        what = f"{limit - used:,} of {limit:,} calls are left until midnight"
        if limit - used < FEW_LEFT * limit:
            yield Finding("warning", what, "Run later, or find out what else calls HubSpot.")
        else:
            yield Finding("ok", what)


def _event(account: Account) -> Iterator[Finding]:
    name = account.options.get("event", "")
    if not name:
        remedy = "Set its full name, pe…_…, as the option `event`, if messages go to HubSpot."
        yield Finding("warning", "no custom event is set: audiences only", remedy)
        return
    reply = account.client.get(f"{DEFINITIONS}/{quote(name, safe='')}")
    if reply.status != 200:  # noqa: PLR2004
        remedy = "Create it in HubSpot (Data Management, Events), or correct the option `event`."
        yield Finding("error", "the custom event does not exist", remedy)
        return
    names = {each.get("name") for each in hubspot.listed(reply, "properties")}
    content = hubspot.chosen(account.options, "content") or CONTENT
    wanted = [*EVENT_PROPERTIES, *(f"parley_{each}" for each in content)]
    if lacking := [each for each in wanted if each not in names]:
        remedy = f"Add them to the event, as text: {', '.join(lacking)}."
        yield Finding("error", f"the custom event lacks {len(lacking)} properties", remedy)
    else:
        yield Finding("ok", "the custom event is there, with its properties")


def _subscription(account: Account) -> Iterator[Finding]:
    wanted = account.options.get("subscription", "")
    if not wanted:
        remedy = "Set the id of the type that your workflow sends, as the option `subscription`."
        what = "no subscription type is set: whoever left any is left out"
        yield Finding("warning", what, remedy)
        return
    found = hubspot.listed(account.client.get(TYPES))
    if wanted in {str(each.get("id")) for each in found}:
        yield Finding("ok", "the subscription type is there")
    else:
        known = ", ".join(str(each.get("id")) for each in found) or "none"
        yield Finding("error", "the subscription type does not exist", f"Known ids: {known}.")


def _properties(account: Account) -> Iterator[Finding]:
    pairs = hubspot.chosen(account.options, "properties")
    reply = account.client.get("/crm/v3/properties/contacts")
    names = {str(each.get("name")) for each in hubspot.listed(reply)}
    wanted = [pair.split("=")[-1].strip() for pair in pairs]
    if lacking := [each for each in wanted if each not in names]:
        remedy = f"Create them in HubSpot, or correct the option: {', '.join(lacking)}."
        yield Finding("error", f"contacts lack {len(lacking)} properties", remedy)
    own = sorted(name for name in names if name.startswith("parley_"))
    if not own and not wanted:
        what = "contacts have no property that an audience fills"
        yield Finding("warning", what, "Create parley_… properties, or set `properties`.")
