"""Marketo's REST API: log-in, limits, and what its answers mean.

Marketo says 200 and means no: `success` in the body decides, and a code says why. All codes of 6xx
mean that nothing was done, but for those of a server that fails or takes too long.

Sources: AdobeDocs/marketo-developer.en, help/rest-api (error-codes, authentication, activities);
Adobe's swagger of the lead database and identity APIs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from connectors.core.accounts import DestinationSettings, SourceSettings
from connectors.core.clock import utc_now
from connectors.core.errors import FixConfig, ParleyError, RetryLater, SkipRecord
from connectors.core.http import Budget, Busy, ClientCredentials, HttpClient, Reply
from connectors.core.http.auth import Ask
from connectors.core.http.reply import place_of

Json = dict[str, Any]

LEADS: Final = "/rest/v1/leads.json"
TOKEN: Final = "/identity/oauth/token"  # noqa: S105 - an address
MOST: Final = 300
"""Records of a page, leads of an upsert, ids of a list's change."""
MOST_CALLS, SECONDS = 100, 20.0
DAILY_CALLS: Final = 50_000
# Others call the same account.
USUAL_CALLS: Final = 80
# An address may have 8 KB; the host, the fields and the credentials' header are not counted here.
MOST_QUERY: Final = 7_500

# Credentials are for TLS alone; tests speak to loopback.
_SAFE = re.compile(r"https://|http://(127\.0\.0\.1|localhost)(:|/|$)")
_CAMPAIGN = re.compile(r"([a-z][a-z0-9_]*|\*):([0-9]{1,9})")

EXPIRED: Final = {"601", "602"}
# Seconds until it is worth asking again; nothing was done.
PASSING: Mapping[str, float] = {"606": SECONDS, "608": 5.0, "614": 5.0, "615": 1.0}
# The server failed, before or after the deed.
FAILED: Final = {"500", "502", "604", "611", "713", "719"}
DAILY, QUEUE = "607", {"1016", "1029"}
# Refused whole, for some row.
ROWS: Final = {"1004", "1007", "1013"}
REMEDIES: Mapping[str, str] = {
    "601": "Correct the credentials: the token is refused.",
    "602": "Correct the credentials: the token is refused.",
    "603": (
        "Give the API user's role the permission, and allow this machine's address if calls are"
        " restricted by address."
    ),
    "610": "Correct the url or the id: there is no such thing in this account.",
    "616": "This API is not part of the subscription.",
    "703": "This API is not part of the subscription.",
    "710": "Correct the option folder: there is no such folder.",
    "711": "Correct the option folder: it cannot hold lists.",
    "1003": "Correct the campaign: it has to be active, with the trigger Campaign is Requested.",
    "1006": "Correct the names of fields: take the REST API names (Admin, Field Management).",
    "1018": "A CRM keeps these: set the source's option crm to yes, and connect the CRM.",
}
REASONS: Mapping[str, str] = {
    "1003": "a value is not of its field's type",
    "1004": "there is no such lead",
    "1006": "there is no such field",
    "1007": "several leads have this address: merge them in Marketo",
    "1008": "the lead lies in a partition that the API user may not see",
    "1010": "the lead lies in another partition",
    "1015": "it is not on the list",
}


@dataclass
class Credentials:
    """Client id and secret for a token of an hour; as the identity API wants them, in the query."""

    inner: ClientCredentials

    def headers(self, ask: Ask, now: datetime) -> Mapping[str, str]:
        """The header with a token that holds."""

        def by_query(url: str, form: Mapping[str, str]) -> object:
            return ask(f"{url}?{urlencode(form)}", {})

        return self.inner.headers(by_query, now)

    def renew(self) -> bool:
        """Forget the token; the next request asks for another one."""
        return self.inner.renew()


@dataclass
class Answers:
    """Judges answers. A token may end in mid-run: the first refusal of it asks for another one."""

    credentials: Credentials
    now: Callable[[], datetime] = utc_now
    _refused: bool = False

    def __call__(self, reply: Reply) -> Busy | ParleyError | None:
        """Say what an answer means; None where it is one."""
        body = reply.body if isinstance(reply.body, dict) else {}
        if body.get("success") is True or "access_token" in body:
            self._refused = self._refused and "access_token" in body
            return None
        errors = body.get("errors")
        error = errors[0] if isinstance(errors, list) and errors else None
        code = str(error.get("code")) if isinstance(error, dict) else ""
        if not code.isdecimal():
            return Busy("the answer is none of Marketo's", is_lost=True)
        if code in EXPIRED and not self._refused:
            self._refused = True
            self.credentials.renew()
            return Busy(f"the token has ended ({code})")
        return meaning(code, place_of(reply.url), self.now())


def meaning(code: str, where: str, now: datetime) -> Busy | ParleyError:
    """What a code of a whole answer means."""
    what = f"Marketo answered {code}"
    if code in PASSING:
        return Busy(what, PASSING[code])
    if code in FAILED:
        return Busy(what, is_lost=True)
    if code == DAILY or code in QUEUE:
        return _later(code, where, now)
    if code in ROWS:
        return SkipRecord(f"{what}: {REASONS.get(code, 'a row is refused')}", where, "Correct it.")
    remedy = REMEDIES.get(code, "Look the code up in Marketo's list of REST error codes.")
    return FixConfig(what, where, remedy)


def _later(code: str, where: str, now: datetime) -> RetryLater:
    if code != DAILY:
        remedy = "Run again in some minutes."
        return RetryLater(f"the queue of jobs is full ({code})", where, remedy, after_seconds=60.0)
    # The day ends at midnight in the centre of the US, standard time.
    ends = now.replace(hour=6, minute=0, second=0, microsecond=0)
    wait = ((ends - now) % timedelta(days=1)).total_seconds()
    remedy = "Run again after midnight, US Central time, or have the quota raised."
    return RetryLater(f"the day's calls are used up ({code})", where, remedy, after_seconds=wait)


def connected(settings: SourceSettings | DestinationSettings, where: str) -> HttpClient:
    """A client of the account that the settings name.

    Raises:
        FixConfig: the address is none, or a credential is missing.
    """
    url = settings.url.get_secret_value() if settings.url else ""
    if not url or ("://" in url and not _SAFE.match(url)):
        what = "the address is missing, or not https"
        raise FixConfig(what, where, "Set url to https://<Munchkin id>.mktorest.com.")
    if settings.user is None or settings.password is None:
        what = "client id or client secret is missing"
        raise FixConfig(what, where, "Set user and password to them (Admin, LaunchPoint).")
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}" if "://" in url else url
    credentials = Credentials(ClientCredentials(TOKEN, settings.user, settings.password))
    return HttpClient(
        base,
        auth=credentials,
        budget=budget_of(whole(settings.options, "calls", USUAL_CALLS, where)),
        judge=Answers(credentials),
    )


@cache
def budget_of(calls: int) -> Budget:
    """So many calls in 20 seconds to one account, over all clients of this process."""
    return Budget(calls, SECONDS)


def whole(options: Mapping[str, str], name: str, usual: int, where: str) -> int:
    """An option that is a number above zero. Raises `FixConfig` where it is none."""
    text = options.get(name, str(usual)).strip()
    if text.isdecimal() and int(text) > 0:
        return int(text)
    what = f"the option {name} is no whole number"
    raise FixConfig(what, where, f"Write it like {usual}, or leave it out.")


def campaigns_of(options: Mapping[str, str], where: str) -> dict[str, int]:
    """Programmes and the ids of their trigger campaigns. Raises `FixConfig` where they are none."""
    entries = [each.strip() for each in options.get("campaigns", "").split(",") if each.strip()]
    found = [_CAMPAIGN.fullmatch(each) for each in entries]
    if not all(found):
        what = "the option campaigns is no list of programmes with the ids of their campaigns"
        raise FixConfig(what, where, "Write it like welcome:1021,abandoned_cart:1022,*:1030.")
    return {each[1]: int(each[2]) for each in found if each}


def rows_of(reply: Reply) -> list[Json]:
    """The records of an answer; none where there is no list of them."""
    found = reply.body.get("result") if isinstance(reply.body, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def matching(
    client: HttpClient, path: str, by: str, values: Iterable[str], fields: Sequence[str] = ()
) -> Iterator[Json]:
    """The records whose field `by` has one of these values, in pages of at most 300."""
    for chunk in chunks(values):
        params: dict[str, str | int] = {"filterType": by, "filterValues": ",".join(chunk)}
        if fields:
            params["fields"] = ",".join(fields)
        while True:
            reply = client.get(path, params)
            yield from rows_of(reply)
            token = reply.body.get("nextPageToken")
            if not token or token == params.get("nextPageToken"):
                break
            params["nextPageToken"] = str(token)


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """Values in lists that fit into one address."""
    chunk: list[str] = []
    size = 0
    for value in values:
        length = len(quote(value, safe="")) + 3
        if chunk and (len(chunk) == MOST or size + length > MOST_QUERY):
            yield chunk
            chunk, size = [], 0
        chunk.append(value)
        size += length
    if chunk:
        yield chunk


def reason_of(row: Json) -> str:
    """Why a row was skipped: its code, and what that means. The vendor's own words quote data."""
    reasons = row.get("reasons")
    first = reasons[0] if isinstance(reasons, list) and reasons else None
    code = str(first.get("code")) if isinstance(first, dict) else ""
    code = code if code.isdecimal() else "?"
    return f"{code}: {REASONS.get(code, 'the row is refused')}"
