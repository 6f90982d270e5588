"""HTTP for sources: one session, bounded patience, credentials that stay with their host.

Only whole JSON comes back. What is worth repeating (429, 5xx, a broken connection, half a body) is
repeated; all else is an error named by its remedy. Errors show no query, header or body.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import orjson
import requests
from pydantic import SecretStr
from requests.exceptions import ChunkedEncodingError, SSLError

from connectors.core.clock import as_utc, utc_now
from connectors.core.errors import FixConfig, RetryLater, StopRun
from connectors.core.garbage import collection_paused

CONNECT_SECONDS, READ_SECONDS = 10, 60
ATTEMPTS = 5
# A server that asks for more patience than this gets it by the next run, not by this one.
LONGEST_WAIT_SECONDS = 300.0
MOST_REDIRECTS = 5

_PASSING = (requests.ConnectionError, requests.Timeout, ChunkedEncodingError)
_BUSY = {408, 425, 429, *range(500, 600)}
_REMEDIES = {
    401: "Correct the source's credentials.",
    403: "Give the source's credentials the right to read this.",
    404: "Correct the source's url.",
    410: "The vendor has withdrawn this address; use its successor.",
}
_ERROR_FROM = 300


@dataclass(frozen=True, slots=True)
class Reply:
    """A page as it came: the body as JSON value, its address, and the `rel=next` link if any."""

    body: Any
    url: str
    link_next: str | None = None


Next = Callable[[Reply], str | None]
Params = Mapping[str, str | int]


class HttpClient:
    """Reads JSON from one origin (scheme, host, port); no other one ever sees the credentials."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, SecretStr] | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Open a session; `headers` hold the credentials. Raises `FixConfig` for no http(s) URL."""
        self._base = base_url
        if not re.match(r"https?://\w", base_url):
            what = "the address is no http(s) URL"
            raise FixConfig(what, "a source's url", "Correct it.")
        self._sleep, self._now = sleep, now
        self._session = requests.Session()
        secrets = {name: value.get_secret_value() for name, value in (headers or {}).items()}
        self._session.headers.update(secrets)
        # Where no auth is set, requests would put ~/.netrc's over our header.
        self._session.auth = lambda request: request

    def get(self, url: str, params: Params | None = None) -> Reply:
        """Get a page; `url` may be relative to the base.

        Raises:
            FixConfig: refused for a reason that repeating won't change.
            RetryLater: still busy, away or broken after `ATTEMPTS`, or asking for a long wait.
            StopRun: the address, or where it redirects to, is on another host.
        """
        url, attempt = urljoin(self._base, url), 1
        while isinstance(tried := self._follow(url, params), _Busy):
            if attempt == ATTEMPTS or tried.wait > LONGEST_WAIT_SECONDS:
                remedy = f"Run again in {max(tried.wait, 60):.0f} seconds or later."
                raise RetryLater(tried.why, _place(url), remedy)
            self._sleep(max(tried.wait, float(2 ** (attempt - 1))))
            attempt += 1
        return tried

    def pages(self, url: str, next_of: Next, params: Params | None = None) -> Iterator[Reply]:
        """Get a page and all that follow it by `next_of`; `StopRun` if they go in circles."""
        yield (reply := self.get(url, params))
        seen = {reply.url}
        while following := next_of(reply):
            address = urljoin(reply.url, following)
            if address in seen:
                what = f"the paging runs in circles after {len(seen)} pages"
                raise StopRun(what, _place(address), "Report it to the vendor.")
            seen.add(address)
            yield (reply := self.get(address))

    def _follow(self, url: str, params: Params | None) -> Reply | _Busy:
        for _ in range(MOST_REDIRECTS):
            if _origin(url) != _origin(self._base):
                what = f"this address or redirect leads to another host ({_place(url)})"
                raise StopRun(what, _place(self._base), "If that is right, make it the url.")
            answer = self._ask(url, params)
            if isinstance(answer, _Busy):
                return answer
            if not answer.is_redirect:
                return self._judged(answer)
            url, params = urljoin(answer.url, answer.headers["Location"]), None
        what = f"more than {MOST_REDIRECTS} redirects"
        raise FixConfig(what, _place(url), "Correct the source's url.")

    def _ask(self, url: str, params: Params | None) -> requests.Response | _Busy:
        try:
            patience = (CONNECT_SECONDS, READ_SECONDS)
            return self._session.get(url, params=params, timeout=patience, allow_redirects=False)
        except requests.RequestException as error:
            kind = type(error).__name__
            passes = isinstance(error, _PASSING) and not isinstance(error, SSLError)
        if passes:
            return _Busy(f"the connection failed: {kind}")
        # Raised outside the handler: the chained error would show the URL with its query.
        what = f"the request can't be made: {kind}"
        raise FixConfig(what, _place(url), "Correct the source's url and credentials.")

    def _judged(self, answer: requests.Response) -> Reply | _Busy:
        status = answer.status_code
        what = f"the server answered {status}"
        if status in _BUSY:
            wait = retry_after(answer.headers.get("Retry-After"), self._now())
            return _Busy(what, wait)
        if status >= _ERROR_FROM:
            remedy = _REMEDIES.get(status, "Correct the source's settings.")
            raise FixConfig(what, _place(answer.url), remedy)
        try:
            with collection_paused():
                body = orjson.loads(answer.content) if answer.content else None
        except orjson.JSONDecodeError:
            return _Busy("the answer is no whole JSON")
        return Reply(body, answer.url, answer.links.get("next", {}).get("url"))


def link_next(reply: Reply) -> str | None:
    """The next page by the `Link` header (RFC 8288)."""
    return reply.link_next


def field_next(field: str, param: str | None = None) -> Next:
    """The next page by a field of the body: an address, or with `param` that parameter's value."""

    def following(reply: Reply) -> str | None:
        value = reply.body.get(field) if isinstance(reply.body, dict) else None
        if value in (None, "") or param is None:
            return value or None
        parts = urlsplit(reply.url)
        query = [*((k, v) for k, v in parse_qsl(parts.query) if k != param), (param, str(value))]
        return urlunsplit(parts._replace(query=urlencode(query)))

    return following


def retry_after(value: str | None, now: datetime) -> float:
    """Seconds that a `Retry-After` header asks for, from its seconds or its date; 0 if none."""
    text = (value or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max((as_utc(parsedate_to_datetime(text)) - now).total_seconds(), 0.0)
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True)
class _Busy:
    """An attempt worth repeating: why it failed, and the seconds that the server asks for."""

    why: str
    wait: float = 0.0


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _place(url: str) -> str:
    """An address without what may be secret: user, password, query, fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
