"""A REST API as a source: streams, paging and credentials are values, reading them is done here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from connectors.core.changes import Fetched, changed_pages, whole_pages
from connectors.core.clock import iso_z
from connectors.core.errors import FixConfig, ParleyError, RetryLater
from connectors.core.http import Auth, Budget, HttpClient, Judge, Reply, Statuses, basic, bearer
from connectors.core.payload import at_path, record_reader
from connectors.core.settings import SourceSettings
from connectors.core.spec import Finding, Page, ReadContext, SourceSpec, Stream

# A server that gives one page again and again is asked so often before we give up.
MOST_REPEATS = 3


class Paging(Protocol):
    """How an API hands out a list."""

    def pages(self, client: HttpClient, endpoint: Endpoint, size: int) -> Iterator[Fetched]:
        """All pages of a list, `size` records or fewer each."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A list in an API: its address below the base, its parameters, and where its records stand.

    `records` is a dotted path in the body; empty where the body is the list.
    """

    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    records: str = ""

    def listed(self, reply: Reply) -> list[Any]:
        """The records of an answer. Raises `RetryLater` where there is no list."""
        found = at_path(reply.body, self.records) if self.records else reply.body
        if isinstance(found, list):
            return found
        what = f"the answer has no list {self.records}".rstrip()
        raise RetryLater(what, self.path, "Run again later; report it if it stays so.")


@dataclass(frozen=True, slots=True)
class Counted:
    """Pages by number or by offset.

    `step`: "page" counts pages from 1, "offset" counts records from 0. `total` names where the
    vendor says how many there are: a header in lower case, or a field of the body.
    """

    param: str
    size: str
    step: str = "page"
    total: str = ""

    def pages(self, client: HttpClient, endpoint: Endpoint, size: int) -> Iterator[Fetched]:
        """Until a page is short and no total promises more; what comes twice is asked again."""
        number, before, last, repeats = 0, 0, None, 0
        while True:
            place = number + 1 if self.step == "page" else before
            params = {**endpoint.params, self.size: size, self.param: place}
            reply = client.get(endpoint.path, params)
            records = endpoint.listed(reply)
            if records and records == last:
                repeats += 1
                if repeats > MOST_REPEATS:
                    what = "the same page comes again and again"
                    raise RetryLater(what, endpoint.path, "Run again later.")
                continue
            total = self._total(reply)
            ends = len(records) < size and (total is None or before + len(records) >= total)
            ends = ends or not records
            yield Fetched(records, ends, total, before)
            if ends:
                return
            number, before, last, repeats = number + 1, before + len(records), records, 0

    def _total(self, reply: Reply) -> int | None:
        found = reply.headers.get(self.total) if self.total else None
        if found is None and self.total and isinstance(reply.body, dict):
            found = reply.body.get(self.total)
        return int(str(found)) if str(found).isdecimal() else None


@dataclass(frozen=True, slots=True)
class Linked:
    """Pages that name the next one: by link header, address or token (`connectors.core.http`)."""

    next_of: Callable[[Reply], str | None]
    size: str = ""

    def pages(self, client: HttpClient, endpoint: Endpoint, size: int) -> Iterator[Fetched]:
        """Until no next one is named."""
        params = {**endpoint.params, **({self.size: size} if self.size else {})}
        for reply in client.pages(endpoint.path, self.next_of, params):
            yield Fetched(endpoint.listed(reply), is_last=not self.next_of(reply))


@dataclass(frozen=True, slots=True)
class RestStream:
    """A stream and the list that it is read from.

    `since` names the parameter that asks for what changed after a time, oldest change first (with
    the other parameters of `endpoint`). Without it, everything is read each time and compared.
    """

    stream: Stream
    endpoint: Endpoint
    paging: Paging
    since: str = ""
    is_stable: bool = False


@dataclass(frozen=True, slots=True)
class RestApi:
    """What the streams of a vendor's API share. `base` is below the source's url.

    `auth` makes credentials from the settings, `statuses` and `judge` say what the vendor's
    answers mean, `most` is the largest page.
    """

    vendor: str
    base: str = "/"
    auth: Callable[[SourceSettings, str], Auth] | None = None
    statuses: Statuses = field(default_factory=dict)
    judge: Judge | None = None
    budget: Budget | None = None
    most: int = 100

    def client(self, settings: SourceSettings, where: str) -> HttpClient:
        """A client with the source's credentials. Raises `FixConfig` where one is missing."""
        url = settings.url.get_secret_value()
        return HttpClient(
            f"{url.rstrip('/')}{self.base}" if "://" in url else url,
            auth=self.auth(settings, where) if self.auth else None,
            budget=self.budget,
            statuses=self.statuses,
            judge=self.judge,
        )


def rest_source(
    api: RestApi,
    streams: tuple[RestStream, ...],
    *,
    about: str = "",
    options: Mapping[str, str] | None = None,
) -> SourceSpec:
    """The spec of a source whose streams are lists of a REST API."""
    by_name = {each.stream.name: each for each in streams}

    def read(context: ReadContext) -> Iterator[Page]:
        """Read one list.

        Raises:
            FixConfig, RetryLater, StopRun: as `connectors.core.http` says.
        """
        each = by_name[context.stream.name]
        where = f"source {context.source_id}, stream {each.stream.name}"
        client = api.client(context.settings, where)
        size, record_of = min(context.page_size, api.most), record_reader(each.stream)
        if not each.since:
            pages = each.paging.pages(client, each.endpoint, size)
            yield from whole_pages(context, pages, record_of)
            return

        def fetch(since: datetime | None) -> Iterator[Fetched]:
            return each.paging.pages(client, _since(each, since), size)

        yield from changed_pages(context, fetch, record_of, is_stable=each.is_stable)

    def check(source_id: str, settings: SourceSettings) -> list[Finding]:
        """Ask each list for one record."""
        return [_checked(api, each, source_id, settings) for each in streams]

    specs = tuple(each.stream for each in streams)
    return SourceSpec(api.vendor, specs, read, check, about, options or {})


def basic_auth(settings: SourceSettings, where: str) -> Auth:
    """User and password of the settings. Raises `FixConfig` where they are missing."""
    if settings.user is None or settings.password is None:
        problem = _missing("user and password", where)
        raise problem
    return basic(settings.user, settings.password)


def token_auth(settings: SourceSettings, where: str) -> Auth:
    """The token of the settings, as bearer. Raises `FixConfig` where it is missing."""
    if settings.token is None:
        problem = _missing("token", where)
        raise problem
    return bearer(settings.token)


def _missing(what: str, where: str) -> FixConfig:
    remedy = "Set PARLEY_SOURCES__<NAME>__USER and __PASSWORD, or __TOKEN."
    return FixConfig(f"the source has no {what}", where, remedy)


def _since(each: RestStream, since: datetime | None) -> Endpoint:
    if since is None:
        return each.endpoint
    params = {**each.endpoint.params, each.since: iso_z(since.replace(microsecond=0))}
    return Endpoint(each.endpoint.path, params, each.endpoint.records)


def _checked(api: RestApi, each: RestStream, source_id: str, settings: SourceSettings) -> Finding:
    name = each.stream.name
    try:
        client = api.client(settings, f"source {source_id}, stream {name}")
        page = next(each.paging.pages(client, each.endpoint, 1), Fetched([]))
    except ParleyError as error:
        return Finding("error", f"{name}: {error.what} ({error.where})", error.remedy)
    if not page.records:
        return Finding("warning", f"{name} can be read, and is empty")
    many = f", {page.total:,} records" if page.total is not None else ""
    return Finding("ok", f"{name} can be read{many}")
