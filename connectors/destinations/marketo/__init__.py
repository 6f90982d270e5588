"""Destination `marketo`: trigger campaigns and static lists of a Marketo account.

A message becomes a request to run its person through the trigger campaign of its programme; the
email itself is Marketo's. What that shows comes as tokens: `{{my.parley_programme}}`,
`{{my.parley_campaign}}`, `{{my.parley_step}}`, `{{my.parley_variant}}`, and for each entry of the
message's content `{{my.parley_<name>}}`. They have to be defined in the campaign's programme, and
are the same for all people of a request, so messages with equal content go together. Content that
differs from person to person costs a call each, unless the option `content` names lead fields for
it, which the email then shows (`{{lead.…}}`): those are written before the campaign is requested,
for one message to a person at a time; a second one in a batch waits.

Requesting a campaign twice sends twice, and Marketo keeps no key of ours: a lost answer is unknown.

Sources: Adobe's swagger of the lead database API; AdobeDocs/marketo-developer.en, help/rest-api.
"""

from __future__ import annotations

from connectors.core.audience import AudienceTarget
from connectors.core.delivery import Destination
from connectors.core.http import HttpClient
from connectors.core.settings import Settings
from connectors.destinations.marketo.audience import MarketoAudience
from connectors.destinations.marketo.campaigns import MarketoDestination
from connectors.destinations.marketo.check import check

__all__ = ["ABOUT", "OPTIONS", "check", "create", "create_audience"]

ABOUT = (
    "Trigger campaigns and static lists of Marketo. url: https://<Munchkin id>.mktorest.com; user"
    " and password: client id and secret of an API-only user (Read-Write Lead, Execute Campaign,"
    " Read-Only Campaign, Read-Only Activity; for new lists Read-Write Asset)."
)
OPTIONS = {
    "campaigns": "ids of trigger campaigns by programme: welcome:1021,*:1030 (* for all others)",
    "folder": "id of the folder in which lists are made; without it they have to be there",
    "fields": "lead fields by property: country:country,stage:parleyStage; others are not sent",
    "content": "lead fields by entry of the content: fact:parleyFact; the others are tokens",
    "partition": "name of the lead partition of new leads, in an account that has several",
    "bulk_from": "how many new members of a list at once go by a file, 5000 unless told otherwise",
    "calls": "how many calls in 20 seconds, 80 of the account's 100 unless told otherwise",
    "daily_calls": "the account's calls a day, 50000 unless told otherwise",
}


def create(settings: Settings, client: HttpClient | None = None) -> Destination:
    """Make the destination of these settings.

    Raises:
        FixConfig: they name no account, or no campaign.
    """
    return MarketoDestination(settings.destination("marketo"), client)


def create_audience(settings: Settings, client: HttpClient | None = None) -> AudienceTarget:
    """Make the target of audiences of these settings.

    Raises:
        FixConfig: they name no account.
    """
    return MarketoAudience(settings.destination("marketo"), client)
