"""What the source and the destination `hubspot` share: log-in, limits, statuses, batches.

A private app's access token logs in; each of its scopes is a right. Limits of an app in a
Professional account: 190 calls in any 10 seconds, 650,000 a day; the CRM search 5 a second.

Sources: developers.hubspot.com, API usage guidelines (limits), private apps, error handling,
CRM objects, lists, custom events, subscription preferences v4; hubspot-api-client 12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from connectors.core.errors import FixConfig, ParleyError, RetryLater, SkipRecord
from connectors.core.http import Budget, HttpClient, Reply, Statuses, bearer
from connectors.core.payload import at_path

URL: Final = "https://api.hubapi.com"
MOST: Final = 100
"""Rows of a batch, and records of a page."""
CALLS: Final = 190
SECONDS: Final = 10.0
# A call counts when it arrives, not when it leaves: a few are kept back for those that hurry.
BUDGET: Final = Budget(CALLS - 10, SECONDS)

CONTACTS: Final = "/crm/v3/objects/contacts"
ACCOUNT: Final = "/account-info/v3/details"
STATUSES_READ: Final = "/communication-preferences/v4/statuses/batch/read?channel=EMAIL"
OPTED_OUT_READ: Final = (
    "/communication-preferences/v4/statuses/batch/unsubscribe-all/read?channel=EMAIL"
)

TOKEN: Final = "Correct the credentials: the token has to be a private app's access token."  # noqa: S105 - no token
STATUSES: Final[Statuses] = {
    400: (FixConfig, "HubSpot does not take the request: check the options, and report it."),
    401: (FixConfig, TOKEN),
    403: (FixConfig, "Give the private app the scopes that the check asks for."),
    404: (FixConfig, "Correct the url and the ids in the options."),
    423: (RetryLater, "Run again later: HubSpot has locked what is asked for."),
    477: (RetryLater, "Run again later: HubSpot is moving the account."),
}
ANSWERED: Final[Statuses] = {**STATUSES, **dict.fromkeys((207, 400, 404, 409))}
"""As `STATUSES`, for who reads what a refusal says (`refusal`)."""

_CODE: Final = re.compile(r"[A-Z][A-Z_]{2,60}")
_ROW = TypeVar("_ROW")


def client(
    url: SecretStr | None,
    token: SecretStr | None,
    where: str,
    statuses: Statuses = STATUSES,
    budget: Budget = BUDGET,
) -> HttpClient:
    """A client that is logged in. Raises `FixConfig` where there is no token, or no such url."""
    if token is None:
        what = "HubSpot needs a private app's access token"
        raise FixConfig(what, where, "Set its __TOKEN; HubSpot: Settings, Private Apps.")
    address = url.get_secret_value() if url else URL
    return HttpClient(address.rstrip("/"), auth=bearer(token), budget=budget, statuses=statuses)


def chunks(rows: Sequence[_ROW], size: int = MOST) -> Iterator[Sequence[_ROW]]:
    """The rows in batches."""
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def listed(reply: Reply, path: str = "results") -> list[Any]:
    """The objects of a list in an answer; [] where there is none."""
    found = at_path(reply.body, path)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def after(reply: Reply) -> str | None:
    """Where the next page begins; None on the last one."""
    found = at_path(reply.body, "paging.next.after")
    return str(found) if found else None


def code(error: object) -> str:
    """A refusal's code. Its message may hold an address, and is never shown."""
    found = at_path(error, "category")
    return found if isinstance(found, str) and _CODE.fullmatch(found) else "no reason told"


def refusal(reply: Reply, what: str, where: str) -> ParleyError | None:
    """What an answer by `ANSWERED` refuses; None where it does not refuse all of it."""
    if reply.status in {400, 409} and "PROPERTY_DOESNT_EXIST" in str(reply.body):
        remedy = "Create them in HubSpot; `parley destinations check hubspot` names them."
        return FixConfig(f"HubSpot lacks properties of {what}", where, remedy)
    if reply.status in {400, 409}:
        remedy = "See what is wrong with it; the others are not concerned."
        return SkipRecord(f"HubSpot refused {what}: {code(reply.body)}", where, remedy)
    if reply.status == 404:  # noqa: PLR2004 - not found
        remedy = "Correct the url and the options; `parley destinations check hubspot` helps."
        return FixConfig(f"HubSpot does not know {what}", where, remedy)
    return None


def chosen(options: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The entries of an option that is a list."""
    return tuple(each.strip() for each in options.get(name, "").split(",") if each.strip())
