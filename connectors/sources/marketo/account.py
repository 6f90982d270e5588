"""The account that a stream is read from: feeds of activities, and objects by a field's values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.core.accounts import SourceSettings
from connectors.core.clock import iso_z, parse_instant
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http import HttpClient
from connectors.core.vendors.marketo import LEADS, Json, matching, rows_of
from connectors.sources.marketo.streams import DESCRIBED, LEAD_FIELDS, TIMES

BEGINNING = datetime(2006, 1, 1, tzinfo=UTC)
"""Before there was Marketo."""
MOST_ADDRESSES = 50_000


@dataclass
class Account:
    """The account that one stream is read from: `size` records a page, up to `as_of`."""

    client: HttpClient
    source_id: str
    settings: SourceSettings
    size: int
    as_of: datetime
    beginning: datetime = BEGINNING
    programmes: dict[int, str] = field(default_factory=dict)
    addresses: dict[str, str | None] = field(default_factory=dict)

    def feed(
        self, path: str, params: dict[str, str], since: datetime | None, token: str = ""
    ) -> Iterator[tuple[list[Json], str, bool]]:
        """Activities since a time, oldest first: pages, where the next one is, whether one is."""
        token = token or self._token(since or self.beginning)
        while True:
            asked: dict[str, str | int] = {**params, "nextPageToken": token, "batchSize": self.size}
            reply = self.client.get(path, asked)
            rows, following = rows_of(reply), str(reply.body.get("nextPageToken") or "")
            has_more = reply.body.get("moreResult") is True and following != ""
            if has_more and following == token:
                what = "the same page comes again and again"
                raise RetryLater(what, path, "Run again later.")
            times = [parse_instant(row.get("activityDate")) for row in rows]
            is_over = any(at is not None and at > self.as_of for at in times)
            yield rows, following or token, has_more
            if not has_more or is_over:
                return
            token = following

    def key_of(self, lead_id: object) -> str | None:
        """A lead's id as no user of another source has it."""
        return f"{self.source_id}:{lead_id}" if lead_id else None

    def by_leads(self, rows: Sequence[Json]) -> list[str]:
        """The leads of activities, each once."""
        return list(dict.fromkeys(str(row["leadId"]) for row in rows if row.get("leadId")))

    def found(self, path: str, by: str, values: Sequence[str], fields: Sequence[str]) -> list[Json]:
        """The records that a field names, without their places in the answer."""
        rows = matching(self.client, path, by, values, fields)
        return [_plain(row) for row in rows]

    def pages(
        self, path: str, fields: Sequence[str], token: str = ""
    ) -> Iterator[tuple[list[Json], str]]:
        """The pages of a list from a place on, each with where the next one is ('': nowhere)."""
        while True:
            asked: dict[str, str | int] = {"fields": ",".join(fields), "batchSize": self.size}
            asked |= {"nextPageToken": token} if token else {}
            reply = self.client.get(path, asked)
            following = str(reply.body.get("nextPageToken") or "")
            yield [_plain(row) for row in rows_of(reply)], following
            if following in {"", token}:
                return
            token = following

    def lead_fields(self) -> list[str]:
        """The fields that we read of a lead, as far as this account has them."""
        described = rows_of(self.client.get(DESCRIBED["leads"]))
        fields = described[0].get("fields") if described else None
        names = {each.get("name") for each in fields or [] if isinstance(each, dict)}
        return [name for name in LEAD_FIELDS if name in {*names, *TIMES} or not names]

    def _token(self, since: datetime) -> str:
        asked = {"sinceDatetime": iso_z(since.replace(microsecond=0))}
        reply = self.client.get("/rest/v1/activities/pagingtoken.json", asked)
        token = reply.body.get("nextPageToken")
        if isinstance(token, str) and token:
            return token
        what = "the answer has no paging token"
        raise RetryLater(what, "activities", "Run again later.")

    def addresses_of(self, rows: Sequence[Json]) -> None:
        """Learn the addresses of the leads of activities."""
        if len(self.addresses) > MOST_ADDRESSES:
            self.addresses.clear()
        asked = [lead for lead in self.by_leads(rows) if lead not in self.addresses]
        self.addresses |= dict.fromkeys(asked)
        for lead in self.found(LEADS, "id", asked, ("id", "email")):
            self.addresses[str(lead.get("id"))] = lead.get("email")


def beginning_of(options: Mapping[str, str], where: str) -> datetime:
    """The option `since`. Raises `FixConfig` where it is no date."""
    text = options.get("since", "")
    at = parse_instant(text) if text else BEGINNING
    if at is not None:
        return at
    what = "the option since is no date"
    raise FixConfig(what, where, "Write it like 2026-01-31, or leave it out.")


def named_in(options: Mapping[str, str], name: str) -> list[str]:
    """The ids that an option lists."""
    return [each.strip() for each in options.get(name, "").split(",") if each.strip()]


def _plain(row: Json) -> Json:
    """A record without its place in the answer."""
    return {name: row[name] for name in row if name != "seq"}
