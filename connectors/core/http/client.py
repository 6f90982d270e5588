"""One vendor's API: one session, bounded patience, credentials that stay with their origin.

Only whole JSON, or whole lines, come back. What is worth repeating (429, 5xx, a broken connection,
half a body) is repeated, unless it must not be done twice; all else is an error named by its
remedy. Errors show no query, header or body.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import urljoin

import requests
from pydantic import SecretStr

from connectors.core.clock import utc_now
from connectors.core.errors import FixConfig, ParleyError, RetryLater, StopRun
from connectors.core.http.auth import Auth, FixedHeaders
from connectors.core.http.body import Broken, parsed, read_body, read_lines
from connectors.core.http.budget import Budget
from connectors.core.http.paging import Next
from connectors.core.http.reach import keep_outside
from connectors.core.http.reply import (
    Busy,
    Judge,
    Reply,
    Statuses,
    Unanswered,
    busy_by,
    origin_of,
    place_of,
    remedy_of,
)
from connectors.core.http.request import Params, Request, sent

CONNECT_SECONDS, READ_SECONDS = 10, 60
ATTEMPTS = 5
# A server that asks for more patience than this gets it by the next run, not by this one.
LONGEST_WAIT_SECONDS = 300.0
MOST_REDIRECTS = 5
UNAUTHORISED = 401


class HttpClient:
    """Speaks to one origin (scheme, host, port); no other one ever sees the credentials."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, SecretStr] | None = None,
        *,
        auth: Auth | None = None,
        budget: Budget | None = None,
        statuses: Statuses | None = None,
        judge: Judge | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Open a session; `headers` (or `auth`) hold the credentials.

        Raises:
            FixConfig: the address is no http(s) URL.
        """
        self._base = base_url
        if not re.match(r"https?://\w", base_url):
            what = "the address is no http(s) URL"
            raise FixConfig(what, "a source's url", "Correct it.")
        self._auth = auth or FixedHeaders(headers or {})
        self._budget, self._statuses, self._judge = budget, statuses or {}, judge
        self._sleep, self._now = sleep, now
        self._session = requests.Session()
        # Where no auth is set, requests would put ~/.netrc's over our header.
        self._session.auth = lambda request: request

    def get(self, url: str, params: Params | None = None) -> Reply:
        """Get a page; `url` may be relative to the base.

        Raises:
            FixConfig: refused for a reason that repeating won't change.
            RetryLater: still busy, away or broken after `ATTEMPTS`, or asking for a long wait.
            StopRun: the address, or where it redirects to, is on another host; or the answer is
                larger than any page may be.
        """
        return self._call(Request("GET", urljoin(self._base, url), params))

    def post(self, url: str, body: object) -> Reply:
        """Post JSON; for what may safely be asked twice.

        Raises as `get` does. A `RetryLater` does not say that nothing was done.
        """
        return self._call(Request("POST", urljoin(self._base, url), json=body))

    def post_once(self, url: str, body: object) -> Reply:
        """Post JSON that must not be done twice, in one attempt.

        Raises:
            RetryLater: surely nothing was done: there was no connection, or the server is busy.
            Unanswered: the answer was lost: nobody knows.
            FixConfig, StopRun: as `get`.
        """
        return self._call(Request("POST", urljoin(self._base, url), json=body, is_repeatable=False))

    def put(self, url: str, body: object = None) -> Reply:
        """Put JSON. Raises as `get` does."""
        return self._call(Request("PUT", urljoin(self._base, url), json=body))

    def delete(self, url: str, body: object = None) -> Reply:
        """Delete, with JSON where the vendor asks for it. Raises as `get` does."""
        return self._call(Request("DELETE", urljoin(self._base, url), json=body))

    def upload(
        self, url: str, data: bytes, content_type: str, *, is_repeatable: bool = True
    ) -> Reply:
        """Post bytes as they are (`multipart` makes a form's file of them).

        Raises as `post` does, or as `post_once` where it must not be repeated.
        """
        address = urljoin(self._base, url)
        request = Request("POST", address, data=data, content_type=content_type)
        return self._call(replace(request, is_repeatable=is_repeatable))

    def pages(self, url: str, next_of: Next, params: Params | None = None) -> Iterator[Reply]:
        """Get a page and all that follow it by `next_of`; `StopRun` if they go in circles."""
        yield (reply := self.get(url, params))
        seen = {reply.url}
        while following := next_of(reply):
            address = urljoin(reply.url, following)
            if address in seen:
                what = f"the paging runs in circles after {len(seen)} pages"
                raise StopRun(what, place_of(address), "Report it to the vendor.")
            seen.add(address)
            yield (reply := self.get(address))

    def lines(self, url: str) -> Iterator[bytes]:
        """Stream the lines of a file that the vendor named, in bounded memory.

        It may lie on another host, which then sees no credentials and must be a public one.

        Raises:
            RetryLater: it broke off; the lines before are good.
            FixConfig, StopRun: as `get`.
        """
        url = urljoin(self._base, url)
        is_ours = origin_of(url) == origin_of(self._base)
        if not is_ours:
            keep_outside(self._session, url, self._base)
        answer = self._asked(Request("GET", url, has_credentials=is_ours))
        if isinstance(answer, Busy):
            raise RetryLater(answer.why, place_of(url), "Run again later.")
        if answer.status_code != requests.codes.ok:
            what = f"the server answered {answer.status_code}"
            raise RetryLater(what, place_of(url), "Run again later.")
        try:
            yield from read_lines(answer)
        except Broken as error:
            what = str(error)
        else:
            return
        raise RetryLater(what, place_of(url), "Run again; it goes on from there.")

    def _call(self, request: Request) -> Reply:
        """Repeat a request while that is worth it."""
        attempt, is_renewed = 1, False
        while isinstance(tried := self._follow(request), Busy | int):
            if isinstance(tried, int):
                # A token may have ended in mid-run: once, a new one is asked for.
                if is_renewed or not request.has_credentials or not self._auth.renew():
                    raise self._refused(tried, request.url)
                is_renewed = True
                continue
            if (
                not request.is_repeatable
                or attempt == ATTEMPTS
                or tried.wait > LONGEST_WAIT_SECONDS
            ):
                raise _given_up(request, tried)
            self._sleep(max(tried.wait, float(2 ** (attempt - 1))))
            attempt += 1
        return tried

    def _follow(self, request: Request) -> Reply | Busy | int:
        for _ in range(MOST_REDIRECTS):
            if origin_of(request.url) != origin_of(self._base):
                what = f"this address or redirect leads to another host ({place_of(request.url)})"
                raise StopRun(what, place_of(self._base), "If that is right, make it the url.")
            answer = self._asked(request)
            if isinstance(answer, Busy):
                return answer
            if not answer.is_redirect:
                return self._judged(answer)
            url = urljoin(answer.url, answer.headers["Location"])
            request = replace(request, url=url, params=None)
        what = f"more than {MOST_REDIRECTS} redirects"
        raise FixConfig(what, place_of(request.url), "Correct the source's url.")

    def _asked(self, request: Request) -> requests.Response | Busy:
        headers = self._auth.headers(self._token, self._now()) if request.has_credentials else {}
        if self._budget:
            self._budget.spend(origin_of(request.url), self._sleep)
        return sent(self._session, request, headers, (CONNECT_SECONDS, READ_SECONDS))

    def _token(self, url: str, form: Mapping[str, str]) -> object:
        address = urljoin(self._base, url)
        return self._call(Request("POST", address, form=form, has_credentials=False)).body

    def _judged(self, answer: requests.Response) -> Reply | Busy | int:
        status, url = answer.status_code, answer.url
        remedy = remedy_of(status, self._statuses)
        if status == UNAUTHORISED or (remedy and remedy[0] is not RetryLater):
            answer.close()
            if status == UNAUTHORISED:
                return status
            raise self._refused(status, url)
        if remedy:
            answer.close()
            return busy_by(status, answer.headers.get("Retry-After"), self._now())
        try:
            body = parsed(read_body(answer, READ_SECONDS))
        except Broken as error:
            return Busy(str(error), is_lost=True)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        reply = Reply(body, url, answer.links.get("next", {}).get("url"), headers, status)
        found = self._judge(reply) if self._judge else None
        if isinstance(found, ParleyError):
            raise found
        return found or reply

    def _refused(self, status: int, url: str) -> ParleyError:
        error, what_next = remedy_of(status, self._statuses) or (FixConfig, "Report it.")
        return error(f"the server answered {status}", place_of(url), what_next)


def _given_up(request: Request, tried: Busy) -> Exception:
    """Why an attempt is not repeated."""
    where = place_of(request.url)
    if tried.is_lost and not request.is_repeatable:
        return Unanswered(f"{tried.why} ({where})")
    remedy = f"Run again in {max(tried.wait, 60):.0f} seconds or later."
    return RetryLater(tried.why, where, remedy, after_seconds=tried.wait)
