"""Reading a stream: activities as they happened; all else by the activities that tell of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from urllib.parse import quote

from connectors.core.api.changes import Fetched, changed_pages, whole_pages
from connectors.core.api.windows import Listed, windowed_pages
from connectors.core.clock import parse_instant
from connectors.core.payload import json_text, record_reader
from connectors.core.spec import Page, ReadContext, Record, Stream
from connectors.core.vendors.marketo import LEADS, MOST, Json, campaigns_of, connected
from connectors.sources.marketo.account import Account, beginning_of, named_in
from connectors.sources.marketo.streams import (
    ACCOUNT_FIELDS,
    ACTIVITIES,
    COMPANY_FIELDS,
    NAMED_ACCOUNTS,
    OF_EMAILS,
    OF_OPPORTUNITIES,
    OPPORTUNITY_FIELDS,
    PEOPLE,
    TIMES,
    is_told,
)

Listing = Iterator[tuple[Sequence[Json], str]]


def read(context: ReadContext) -> Iterator[Page]:
    """Read one stream.

    Raises:
        FixConfig: the credentials, the user's permissions or an option do not suffice.
        RetryLater: Marketo is busy or away, or the day's calls are used up.
    """
    where = f"source {context.source_id}, stream {context.stream.name}"
    settings = context.settings
    if not is_told(settings.options, context.stream.name):
        return
    client, size = connected(settings, where), min(context.page_size, MOST)
    account = Account(client, context.source_id, settings, size, context.as_of)
    account.beginning = beginning_of(settings.options, where)
    account.programmes = {
        campaign: name for name, campaign in campaigns_of(settings.options, where).items()
        if name != "*"
    }  # fmt: skip
    if context.stream == ACTIVITIES:
        fetch = partial(_activities, account)
        yield from changed_pages(context, fetch, record_reader(ACTIVITIES), is_stable=True)
        return
    if context.stream == NAMED_ACCOUNTS:
        yield from _named_accounts(context, account)
        return
    listed = {"leads": _leads, "companies": _companies, "opportunities": _opportunities}
    ask: Listed = partial(listed[context.stream.name], account)
    yield from windowed_pages(context, ask, partial(_record, account, context.stream))


def _activities(account: Account, since: datetime | None) -> Iterator[Fetched]:
    params = {"activityTypeIds": OF_EMAILS}
    for rows, _, has_more in account.feed("/rest/v1/activities.json", params, since):
        account.addresses_of(rows)
        yield Fetched([_told(account, row) for row in rows], is_last=not has_more)


def _told(account: Account, row: Json) -> Json:
    lead_id = row.get("leadId")
    address = account.addresses.get(str(lead_id))
    told = {**row, "leadKey": account.key_of(lead_id), "lead": {"email": address}}
    campaign = row.get("campaignId")
    programme = account.programmes.get(campaign) if isinstance(campaign, int) else None
    return {**told, "programme": programme} if programme else told


def _leads(account: Account, since: datetime | None, place: str | None) -> Listing:
    """Leads that changed, those that were deleted and, at the first load, those of lists."""
    fields = account.lead_fields()
    phase, _, token = (place or "changed ").partition(" ")
    if phase == "changed":
        for rows, following in _changes(account, fields, since, token):
            yield account.found(LEADS, "id", account.by_leads(rows), fields), f"changed {following}"
        phase, token = "gone", ""
    if phase == "gone":
        path = "/rest/v1/activities/deletedleads.json"
        for rows, following, _ in account.feed(path, {}, since, token):
            gone = [{"id": row.get("leadId"), "deletedAt": row.get("activityDate")} for row in rows]
            yield gone, f"gone {following}"
        phase, token = "list", ""
    if phase == "list" and since is None:
        yield from _of_lists(account, fields, token)


def _changes(
    account: Account, fields: Sequence[str], since: datetime | None, token: str
) -> Iterator[tuple[list[Json], str]]:
    """Activities of leads that came, or of which a field changed."""
    names = ",".join(name for name in fields if name not in TIMES)
    path = "/rest/v1/activities/leadchanges.json"
    for rows, following, _ in account.feed(path, {"fields": names}, since, token):
        yield rows, following


def _of_lists(account: Account, fields: Sequence[str], place: str) -> Listing:
    """All leads of the static lists of the option `lists`; the place is `<list> <token>`."""
    lists = named_in(account.settings.options, "lists")
    begun, _, token = place.partition(" ")
    for list_id in lists[lists.index(begun) if begun in lists else 0 :]:
        path = f"/rest/v1/lists/{quote(list_id, safe='')}/leads.json"
        for rows, following in account.pages(path, fields, token):
            yield rows, f"list {list_id} {following}"
        token = ""


def _companies(account: Account, since: datetime | None, place: str | None) -> Listing:
    """The companies of leads that changed; each once a run."""
    seen: set[str] = set()
    fields = [name for name in account.lead_fields() if name not in TIMES]
    for rows, following in _changes(account, fields, since, place or ""):
        leads = account.found(LEADS, "id", account.by_leads(rows), ("id", "externalCompanyId"))
        named = dict.fromkeys(str(lead.get("externalCompanyId") or "") for lead in leads)
        asked = [company for company in named if company and company not in seen]
        seen.update(asked)
        path, by = "/rest/v1/companies.json", "externalCompanyId"
        yield account.found(path, by, asked, COMPANY_FIELDS), following


def _named_accounts(context: ReadContext, account: Account) -> Iterator[Page]:
    """The named accounts of the lists of the option `account_lists`, as a whole, to be compared."""
    lists = named_in(account.settings.options, "account_lists")
    if not lists:
        return

    def pages() -> Iterator[Fetched]:
        seen: set[object] = set()
        for list_id in lists:
            path = f"/rest/v1/namedAccountList/{quote(list_id, safe='')}/namedAccounts.json"
            for rows, _ in account.pages(path, ACCOUNT_FIELDS):
                yield Fetched([row for row in rows if row.get("marketoGUID") not in seen])
                seen.update(row.get("marketoGUID") for row in rows)

    yield from whole_pages(context, pages(), record_reader(NAMED_ACCOUNTS))


def _opportunities(account: Account, since: datetime | None, place: str | None) -> Listing:
    """Opportunities that leads were added to or taken from, or that changed."""
    params, token = {"activityTypeIds": OF_OPPORTUNITIES}, place or ""
    for rows, following, _ in account.feed("/rest/v1/activities.json", params, since, token):
        found = _with_roles(account, account.by_leads(rows))
        for first in range(0, len(found), account.size):
            yield found[first : first + account.size], token
        token = following
        yield [], token


def _with_roles(account: Account, leads: Sequence[str]) -> list[Json]:
    """The opportunities of leads, each with all its roles."""
    path, by = "/rest/v1/opportunities/roles.json", "externalOpportunityId"
    fields = (by, "leadId", "role", "isPrimary")
    of_leads = account.found(path, "leadId", leads, fields)
    ids = list(dict.fromkeys(str(role[by]) for role in of_leads if role.get(by)))
    roles: dict[str, list[Json]] = {each: [] for each in ids}
    for role in account.found(path, by, ids, fields):
        roles.setdefault(str(role.get(by)), []).append(role)
    found = account.found("/rest/v1/opportunities.json", by, ids, OPPORTUNITY_FIELDS)
    currency = account.settings.options.get("currency", "").strip().upper() or None
    return [_deal(account, each, roles.get(str(each.get(by)), []), currency) for each in found]


def _deal(account: Account, told: Json, roles: list[Json], currency: str | None) -> Json:
    """An opportunity with its roles, and the lead whose role is the primary one, or the first."""
    primary = next((role for role in roles if role.get("isPrimary") is True), None)
    lead = (primary or next(iter(roles), {})).get("leadId")
    return {**told, "roles": roles, "leadKey": account.key_of(lead), "currency": currency}


def _record(account: Account, stream: Stream, value: Json) -> Record:
    """A record, or the end of one."""
    if stream == PEOPLE:
        value = {**value, "leadKey": account.key_of(value.get("id"))}
    if "deletedAt" not in value:
        return record_reader(stream)(value)
    at = parse_instant(value["deletedAt"])
    return Record(str(value["id"]), at, "delete", json_text(value))
