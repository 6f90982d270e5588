"""Destination `hubspot`: messages as custom events that start a workflow there, and static lists.

HubSpot writes and sends the emails: Parley says to whom, about what, and when. A message becomes
one occurrence of a custom event of the contact, a workflow of yours is enrolled by it. That it was
sent, delivered or read comes back by the source `hubspot`.

Options (`PARLEY_DESTINATIONS__HUBSPOT__OPTIONS`): see `OPTIONS`.
"""

from __future__ import annotations

from typing import Final

from connectors.core.http import HttpClient
from connectors.core.settings import Settings
from connectors.destinations.hubspot.account import Account
from connectors.destinations.hubspot.checking import check
from connectors.destinations.hubspot.events import HubSpotDestination
from connectors.destinations.hubspot.lists import HubSpotLists

__all__ = ["ABOUT", "OPTIONS", "check", "create", "create_audience"]

ABOUT: Final = (
    "HubSpot: messages as custom events that start your workflows, audiences as static lists."
    " token: a private app's access token."
)
OPTIONS: Final = {
    "event": "the custom event's full name, pe…_…; messages need it",
    "subscription": "the id of the subscription type that people must not have left; without it,"
    " whoever left any is left out",
    "content": "what the event shows of a message: subject,fact,text unless told otherwise",
    "properties": "what Parley's properties are called there, as language=hs_language,…;"
    " the others are called parley_…",
}


def create(settings: Settings, client: HttpClient | None = None) -> HubSpotDestination:
    """Make the destination of messages. Raises `FixConfig` where a setting is missing."""
    return HubSpotDestination(Account.of(settings, client))


def create_audience(settings: Settings, client: HttpClient | None = None) -> HubSpotLists:
    """Make the destination of audiences. Raises `FixConfig` where a setting is missing."""
    return HubSpotLists(Account.of(settings, client))
