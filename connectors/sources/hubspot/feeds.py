"""Forms that were filled in, and events of emails.

HubSpot tells submissions and events newest first. What comes is landed as it comes; that it came is
noted when the oldest that is new has come, so a run that ends before begins there again.

Sources: developers.hubspot.com, forms v3, form submissions v1, email analytics v1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.core.api.changes import OVERLAP, Seen
from connectors.core.errors import FixConfig
from connectors.core.http import HttpClient
from connectors.core.payload import RecordOf, at_path, record_reader
from connectors.core.spec import Page, ReadContext, Record, Stream
from connectors.core.vendors import hubspot
from connectors.sources.hubspot.asking import Row, connected, pages, refuse_circle, rows_of

SUBMISSIONS: Final = Stream("submissions", "conversionId", "submittedAt", {"email": ("email",)})
EMAIL_EVENTS: Final = Stream("email_events", "id", "created", {"email": ("recipient",)})
MOST_SUBMISSIONS: Final = 50
MOST_EVENTS: Final = 1_000
# How far back the first run reads events of emails, and how many days are one question.
FIRST: Final = timedelta(days=90)
SLICE: Final = timedelta(days=7)
# Later than any clock says: such a time is none.
LAST_MILLIS: Final = 1 << 43


def read_submissions(context: ReadContext) -> Iterator[Page]:
    """Read what was filled in, form by form: each is a part with a cursor of its own."""
    client, size = connected(context), min(context.page_size, MOST_SUBMISSIONS)
    for forms in pages(client, "/marketing/v3/forms/", MOST_SUBMISSIONS):
        for form in forms:
            yield from _submissions(context, client, form, size)


def _submissions(context: ReadContext, client: HttpClient, form: Row, size: int) -> Iterator[Page]:
    part = str(form.get("id"))
    seen = Seen.stored(context.cursors.get(part))
    since = seen.at - OVERLAP if seen.at else None
    address = f"/form-integrations/v1/submissions/forms/{part}"
    record_of = _dated(SUBMISSIONS)
    for rows in pages(client, address, size):
        records = [record_of(_submission(form, row)) for row in rows]
        known = {each for each in records if since and each.at and each.at < since}
        yield Page(_news(context, seen, [r for r in records if r not in known]), None, part)
        if known:
            break
    seen.forget()
    yield Page([], seen.text, part)


def read_email_events(context: ReadContext) -> Iterator[Page]:
    """Read events of emails, some days at a time, up to `as_of`."""
    client, size = connected(context), min(context.page_size, MOST_EVENTS)
    seen, record_of = Seen.stored(context.cursors.get("")), _dated(EMAIL_EVENTS)
    emails = _emails(context)
    start = seen.at - OVERLAP if seen.at else context.as_of - FIRST
    while start < context.as_of:
        end = min(start + SLICE, context.as_of)
        for rows in _events(client, start, end, size):
            records = [record_of(_named(row, emails)) for row in rows]
            yield Page(_news(context, seen, records), None)
        seen.at = end
        seen.forget()
        yield Page([], seen.text)
        start = end


def _emails(context: ReadContext) -> dict[str, Row]:
    """What Parley calls the messages that an email carries, by the email's id in the options.

    Raises:
        FixConfig: the option is written in another way.
    """
    found: dict[str, Row] = {}
    for entry in hubspot.chosen(context.settings.options, "emails"):
        id_, _, told = entry.partition("=")
        programme, _, campaign = told.partition("/")
        if not id_.strip().isdecimal() or not programme.strip():
            what = "the option `emails` is not id=programme or id=programme/campaign"
            raise FixConfig(what, f"source {context.source_id}", "Correct it.")
        found[id_.strip()] = {"programme": programme.strip()}
        if campaign.strip():
            found[id_.strip()]["campaign"] = campaign.strip()
    return found


def _named(row: Row, emails: Mapping[str, Row]) -> Row:
    """An event, with the programme of its email; A/B variants of one share a group."""
    ids = (str(row.get(name)) for name in ("emailCampaignId", "emailCampaignGroupId"))
    return {**row, **next((emails[id_] for id_ in ids if id_ in emails), {})}


def _news(context: ReadContext, seen: Seen, records: list[Record]) -> list[Record]:
    """Those up to `as_of` that did not come before."""
    return [
        record
        for record in records
        if (record.at is None or record.at <= context.as_of) and seen.learns(record)
    ]


def _events(client: HttpClient, start: datetime, end: datetime, size: int) -> Iterator[list[Row]]:
    offset = ""
    while True:
        params: dict[str, str | int] = {
            "startTimestamp": _millis(start),
            "endTimestamp": _millis(end),
            "limit": size,
        }
        if offset:
            params["offset"] = offset
        reply = client.get("/email/public/v1/events", params)
        yield rows_of(reply, "events")
        following = str(at_path(reply.body, "offset") or "")
        if not at_path(reply.body, "hasMore"):
            return
        refuse_circle(following, offset, "email events")
        offset = following


def _submission(form: Row, row: Row) -> Row:
    """What was filled in, with the form's name and the address that is among the answers."""
    values: Any = row.get("values")
    answers = [each for each in values or () if isinstance(each, dict)]
    email = next((each.get("value") for each in answers if each.get("name") == "email"), None)
    return {**row, "formId": form.get("id"), "formName": form.get("name"), "email": email}


def _dated(stream: Stream) -> RecordOf:
    """Reads records whose time is a number of milliseconds."""
    plain = record_reader(stream)

    def read(value: Row) -> Record:
        told, record = at_path(value, stream.cursor or ""), plain(value)
        if isinstance(told, int) and 0 <= told < LAST_MILLIS:
            return record._replace(at=datetime.fromtimestamp(told / 1000, UTC))
        return record

    return read


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
