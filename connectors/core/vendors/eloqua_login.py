"""Logging in to Oracle Eloqua: who says so, and where their instance is.

Whoever logs in is told where (`/id`): all else is asked there, and nowhere but at Eloqua.

Sources: Oracle Eloqua Developer Help Center, authentication (basic, OAuth 2's grant of a resource
owner) and determining base URLs; recorded exchanges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.core.errors import FixConfig, RetryLater, StopRun
from connectors.core.http import Auth, HttpClient, Statuses, basic, bearer
from connectors.core.http.auth import RENEW_BEFORE, Ask
from connectors.core.payload import at_path

LOGIN: Final = "https://login.eloqua.com"
HOME: Final = ".eloqua.com"
LOG_IN: Final = r"Correct the credentials: user as Company\user and password, or token."
STATUSES: Final[Statuses] = {
    400: (FixConfig, "Eloqua refuses the request: check the fields and lists in the options."),
    401: (FixConfig, LOG_IN),
    403: (FixConfig, "Give the credentials' user the rights to the API, and to what is asked for."),
    404: (FixConfig, "Correct the url and the ids in the options."),
    409: (RetryLater, "Run again later: Eloqua is at the same thing."),
    412: (FixConfig, "Something in Eloqua depends on it."),
    413: (RetryLater, "Eloqua's staging area is full: wait until syncs have ended."),
}


class Account(Protocol):
    """What settings of sources and of destinations say of an account."""

    @property
    def user(self) -> SecretStr | None:
        """Company and user, parted by a backslash."""
        ...

    @property
    def password(self) -> SecretStr | None:
        """The user's password."""
        ...

    @property
    def token(self) -> SecretStr | None:
        """Alone, an OAuth access token; beside a user, an app's client id:client secret."""
        ...


@dataclass
class OwnersToken:
    """A token by OAuth 2's grant of a resource owner (RFC 6749, 4.3), renewed before it ends."""

    url: str
    app: Auth
    user: SecretStr
    password: SecretStr
    _token: SecretStr | None = field(default=None, init=False)
    _until: datetime | None = field(default=None, init=False)

    def headers(self, ask: Ask, now: datetime) -> Mapping[str, str]:
        """The header with a token that holds. Raises `FixConfig` where none is given."""
        del ask  # it asks without the app's credentials
        if self._token is None or (self._until and now >= self._until - RENEW_BEFORE):
            self._take(now)
        assert self._token is not None  # noqa: S101 - says so to the type checker
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}

    def renew(self) -> bool:
        """Forget the token; the next request asks for another one."""
        self._token = None
        return True

    def _take(self, now: datetime) -> None:
        client = HttpClient(self.url, auth=self.app, statuses=STATUSES)
        told = client.post("/auth/oauth2/token", {
            "grant_type": "password",
            "scope": "full",
            "username": self.user.get_secret_value(),
            "password": self.password.get_secret_value(),
        }).body  # fmt: skip
        token, lasts = at_path(told, "access_token"), at_path(told, "expires_in")
        if not isinstance(token, str) or not token:
            what = "the answer to a request for a token holds none"
            raise FixConfig(what, "Eloqua's log-in", LOG_IN)
        self._token = SecretStr(token)
        self._until = now + timedelta(seconds=lasts) if isinstance(lasts, int) else None


def credentials(url: str, account: Account, where: str) -> Auth:
    """HTTP basic, an OAuth token, or an app and whose it is for.

    Raises:
        FixConfig: there is none of these.
    """
    token, user, password = account.token, account.user, account.password
    if token is not None and user is None:
        return bearer(token)
    if user is None or password is None:
        what = "there are no credentials for Eloqua"
        raise FixConfig(what, where, r"Set USER to Company\user and PASSWORD, or TOKEN.")
    if token is None:
        return basic(user, password)
    client_id, _, secret = token.get_secret_value().partition(":")
    return OwnersToken(url, basic(SecretStr(client_id), SecretStr(secret)), user, password)


def log_in(url: str, account: Account, where: str) -> tuple[str, Auth]:
    """Where the instance is that these credentials belong to, and how to be known there.

    Raises:
        FixConfig, RetryLater, StopRun: as `HttpClient.get`, or Eloqua names no place of its own.
    """
    auth = credentials(url, account, where)
    told = HttpClient(url, auth=auth, statuses=STATUSES).get("/id").body
    base = at_path(told, "urls.base")
    if told == "Not authenticated.":  # so it says, with a status of success
        what = "Eloqua does not know these credentials"
        raise FixConfig(what, where, LOG_IN)
    if not isinstance(base, str):
        what = "Eloqua does not say where the instance is"
        raise RetryLater(what, where, "Run again later; report it if it stays so.")
    if not _is_home(base, url):
        what = "the instance is said to be at a place that is not Eloqua's"
        raise StopRun(what, where, f"Correct the url: {LOGIN} for most.")
    return base, auth


def _is_home(base: str, url: str) -> bool:
    """Whether credentials may go to a place: Eloqua's own, or where they went already."""
    there, here = urlsplit(base), urlsplit(url)
    is_eloqua = there.scheme == "https" and (there.hostname or "").endswith(HOME)
    return is_eloqua or (there.scheme, there.netloc) == (here.scheme, here.netloc)
