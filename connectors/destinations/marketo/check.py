"""Whether the account can be used: credentials, rights, campaigns, what is left of the day's calls.

Nothing is written. Whether a campaign may be requested shows only when it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connectors.core.accounts import DestinationSettings
from connectors.core.errors import ParleyError
from connectors.core.http import HttpClient
from connectors.core.settings import Settings
from connectors.core.spec import Finding
from connectors.core.vendors.marketo import (
    DAILY_CALLS,
    campaigns_of,
    connected,
    rows_of,
    whole,
)

WHERE: Final = "destination marketo"
FEW: Final = 0.1
"""What is left of the day's calls is little below this share."""


def check(settings: Settings, client: HttpClient | None = None) -> list[Finding]:
    """Ask what needs no permission, then what needs each of them; one line each."""
    account = settings.destination("marketo")
    try:
        asking = client or connected(account, WHERE)
        left = _left(asking, account)
    except ParleyError as error:
        return [_error(error, "")]
    return [left, *_rights(asking), *_campaigns(asking, account)]


def _left(client: HttpClient, account: DestinationSettings) -> Finding:
    """The day's calls; whoever may ask for them is logged in."""
    quota = whole(account.options, "daily_calls", DAILY_CALLS, WHERE)
    rows = rows_of(client.get("/rest/v1/stats/usage.json"))
    used = sum(row["total"] for row in rows if isinstance(row.get("total"), int))
    said = f"logged in; {used:,} of {quota:,} calls are used today"
    if used < quota * (1 - FEW):
        return Finding("ok", said)
    remedy = (
        "Have the quota raised, or put other programs' calls off. It ends at midnight in the US."
    )
    return Finding("warning", said, remedy)


def _rights(client: HttpClient) -> Iterator[Finding]:
    asked = {
        "leads": "/rest/v1/leads/describe2.json",
        "static lists": "/rest/v1/lists.json?batchSize=1",
        "activities": "/rest/v1/activities/types.json",
    }
    for name, address in asked.items():
        try:
            client.get(address)
        except ParleyError as error:
            yield _error(error, f"{name}: ")
        else:
            yield Finding("ok", f"{name} can be read")


def _campaigns(client: HttpClient, account: DestinationSettings) -> Iterator[Finding]:
    try:
        named = campaigns_of(account.options, WHERE)
    except ParleyError as error:
        yield _error(error, "")
        return
    if not named:
        remedy = "Set the option campaigns, like welcome:1021,*:1030, to send messages."
        yield Finding("warning", "no trigger campaign is named", remedy)
    for programme, campaign in named.items():
        try:
            rows = rows_of(client.get(f"/rest/v1/campaigns/{campaign}.json"))
        except ParleyError as error:
            yield _error(error, f"campaign of {programme}: ")
        else:
            yield _campaign(programme, campaign, rows[0] if rows else {})


def _campaign(programme: str, campaign: int, told: dict[str, object]) -> Finding:
    what = f"campaign of {programme} ({campaign})"
    if not told:
        return Finding("error", f"{what}: there is none", "Correct the option campaigns.")
    if told.get("type") == "trigger" and told.get("active") is True:
        return Finding("ok", f"{what} is active")
    remedy = "Activate it, with the trigger Campaign is Requested, source Web Service API."
    return Finding("error", f"{what} is no active trigger campaign", remedy)


def _error(error: ParleyError, about: str) -> Finding:
    return Finding("error", f"{about}{error.what} ({error.where})", error.remedy)
