"""A REST API as a source: streams, paging and credentials are values, reading them is done here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain

from connectors.core.accounts import SourceSettings
from connectors.core.api.changes import Fetched, changed_pages, whole_pages
from connectors.core.api.lists import Counted, Endpoint, Linked, Paging, Params, Single
from connectors.core.clock import iso_z
from connectors.core.errors import FixConfig, ParleyError
from connectors.core.http import Auth, Budget, HttpClient, Judge, Statuses, basic, bearer
from connectors.core.payload import record_reader
from connectors.core.spec import Finding, Page, ReadContext, SourceSpec, Stream

__all__ = [
    "Counted",
    "Endpoint",
    "Linked",
    "RestApi",
    "RestStream",
    "Single",
    "basic_auth",
    "rest_source",
    "token_auth",
]

# Nothing has changed since then: what comes all the same was not asked for.
_NEVER = datetime(2999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RestStream:
    """A stream and the list that it is read from.

    `since` names the parameter that asks for what changed after a time, oldest change first (with
    the other parameters of `endpoint`). Without it, everything is read each time and compared.
    `also` are further lists of such records, by the part of the stream: the parameters that make
    the difference. Each has a cursor of its own.
    """

    stream: Stream
    endpoint: Endpoint
    paging: Paging
    since: str = ""
    is_stable: bool = False
    also: Mapping[str, Params] = field(default_factory=dict)

    def lists(self) -> dict[str, Endpoint]:
        """All lists by the part of the stream; the first one's has no name."""
        return {"": self.endpoint} | {
            part: self.endpoint.having(params) for part, params in self.also.items()
        }


@dataclass(frozen=True, slots=True)
class RestApi:
    """What the streams of a vendor's API share. `base` is below the source's url.

    `auth` makes credentials from the settings, `statuses` and `judge` say what the vendor's
    answers mean, `most` is the largest page, `moment` writes a time as the vendor reads it, `needs`
    is which version of the vendor's software knows all parameters.
    """

    vendor: str
    base: str = "/"
    auth: Callable[[SourceSettings, str], Auth] | None = None
    statuses: Statuses = field(default_factory=dict)
    judge: Judge | None = None
    budget: Budget | None = None
    most: int = 100
    moment: Callable[[datetime], str] = iso_z
    needs: str = "a newer version of the vendor's software"

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
        return _pages(api, by_name[context.stream.name], context)

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


def _pages(api: RestApi, each: RestStream, context: ReadContext) -> Iterator[Page]:
    """Read a stream's lists.

    Raises:
        FixConfig, RetryLater, StopRun: as `connectors.core.http` says.
    """
    client = api.client(context.settings, f"source {context.source_id}, stream {each.stream.name}")
    size, record_of = min(context.page_size, api.most), record_reader(each.stream)
    lists = each.lists()
    if not each.since:
        found = (each.paging.pages(client, endpoint, size) for endpoint in lists.values())
        yield from whole_pages(context, chain.from_iterable(found), record_of)
        return

    def fetch(part: str, since: datetime | None) -> Iterator[Fetched]:
        asked = lists[part].having(_since(api, each, since))
        return each.paging.pages(client, asked, size)

    for part in lists:
        ask = partial(fetch, part)
        yield from changed_pages(context, ask, record_of, part, is_stable=each.is_stable)


def _since(api: RestApi, each: RestStream, since: datetime | None) -> Params:
    return {each.since: api.moment(since.replace(microsecond=0))} if since else {}


def _checked(api: RestApi, each: RestStream, source_id: str, settings: SourceSettings) -> Finding:
    name = each.stream.name
    try:
        client = api.client(settings, f"source {source_id}, stream {name}")
        page = next(each.paging.pages(client, each.endpoint, 1), Fetched([]))
        news = each.endpoint.having(_since(api, each, _NEVER))
        if each.since and next(each.paging.pages(client, news, 1), Fetched([])).records:
            what = f"{name}: {each.since} is not heeded, everything comes each time"
            return Finding("error", what, f"The source needs {api.needs}.")
    except ParleyError as error:
        return Finding("error", f"{name}: {error.what} ({error.where})", error.remedy)
    if not page.records:
        return Finding("warning", f"{name} can be read, and is empty")
    many = f", {page.total:,} records" if page.total is not None else ""
    return Finding("ok", f"{name} can be read{many}")
