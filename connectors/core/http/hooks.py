"""Posting to somebody's own address, of whom the status is the answer.

No redirect is followed, no proxy of the environment is used, and unless it is allowed no address
inside is connected to.
"""

from __future__ import annotations

from typing import Final

import requests
from urllib3.exceptions import HTTPError

from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http.client import HttpClient
from connectors.core.http.inner import PublicOnly, inner_address
from connectors.core.http.reply import Busy, Reply, busy_by, place_of, remedy_of
from connectors.core.http.request import Request

BEGINNING: Final = 512


class HookClient(HttpClient):
    """Speaks to one address that was set by hand."""

    def wait(self, seconds: float) -> None:
        """Let some time pass before the next attempt."""
        self._sleep(seconds)

    def keep_outside(self, where: str, remedy: str) -> None:
        """Refuse from here on to connect to addresses inside, by a `FixConfig` that says this."""
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, PublicOnly(lambda: inner_address(where, remedy)))

    def _follow(self, request: Request) -> Reply | Busy | int:
        """Ask once; a redirect is an answer like any other."""
        self._session.trust_env = False  # a proxy would connect for us, to anywhere
        answer = self._asked(request)
        return answer if isinstance(answer, Busy) else self._judged(answer)

    def _judged(self, answer: requests.Response) -> Reply | Busy | int:
        """Judge by the status; of the body only whether it is a page for people."""
        status = answer.status_code
        remedy = remedy_of(status, self._statuses)
        is_page = remedy is None and _is_page(answer)
        answer.close()
        if is_page:
            what = "a web page answers there, as a log-in does"
            raise FixConfig(what, place_of(answer.url), "Correct the url.")
        if remedy is None:
            return Reply(None, place_of(answer.url), status=status)
        if remedy[0] is RetryLater:
            return busy_by(status, answer.headers.get("Retry-After"), self._now())
        raise self._refused(status, place_of(answer.url))


def _is_page(answer: requests.Response) -> bool:
    try:
        begins = answer.raw.read1(BEGINNING, decode_content=True).lstrip().lower()
    except (HTTPError, OSError):
        return False
    is_told = "html" in answer.headers.get("Content-Type", "").lower()
    return bool(begins.startswith((b"<!doctype html", b"<html", *((b"<",) if is_told else ()))))
