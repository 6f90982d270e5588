"""Who we are to a vendor: headers that a client adds to what it sends to its own origin alone."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import SecretStr

from connectors.core.errors import FixConfig

# A token is renewed this long before it ends: clocks differ, and requests take their time.
RENEW_BEFORE = timedelta(seconds=60)

Ask = Callable[[str, Mapping[str, str]], Any]
"""Posts a form to an address of the vendor, without credentials; the answer's JSON value."""


class Auth(Protocol):
    """Credentials of one connection."""

    def headers(self, ask: Ask, now: datetime) -> Mapping[str, str]:
        """The headers to send; may ask the vendor for a token first."""
        ...

    def renew(self) -> bool:
        """Forget what was refused; False where there is nothing newer to be had."""
        ...


@dataclass(frozen=True)
class FixedHeaders:
    """Headers that stay as they are: API keys, tokens without an end."""

    values: Mapping[str, SecretStr] = field(default_factory=dict)

    def headers(self, ask: Ask, now: datetime) -> Mapping[str, str]:
        """The headers as they were given."""
        del ask, now
        return {name: value.get_secret_value() for name, value in self.values.items()}

    def renew(self) -> bool:
        """Nothing newer is to be had."""
        return False


def basic(user: SecretStr, password: SecretStr) -> FixedHeaders:
    """User and password by RFC 7617."""
    pair = f"{user.get_secret_value()}:{password.get_secret_value()}"
    return FixedHeaders({"Authorization": SecretStr(f"Basic {b64encode(pair.encode()).decode()}")})


def bearer(token: SecretStr) -> FixedHeaders:
    """A bearer token by RFC 6750."""
    return FixedHeaders({"Authorization": SecretStr(f"Bearer {token.get_secret_value()}")})


@dataclass
class ClientCredentials:
    """A token by OAuth 2's client credentials grant (RFC 6749, 4.4), renewed before it ends.

    `url` is where tokens are given, `header` and `prefix` are how one is shown. A token without
    `expires_in` is kept until it is refused.
    """

    url: str
    client_id: SecretStr
    client_secret: SecretStr
    header: str = "Authorization"
    prefix: str = "Bearer "
    _token: SecretStr | None = field(default=None, init=False)
    _until: datetime | None = field(default=None, init=False)

    def headers(self, ask: Ask, now: datetime) -> Mapping[str, str]:
        """The header with a token that holds.

        Raises:
            FixConfig: what was answered is no token.
        """
        if self._token is None or (self._until and now >= self._until - RENEW_BEFORE):
            self._take(ask, now)
        assert self._token is not None  # noqa: S101 - says so to the type checker
        return {self.header: f"{self.prefix}{self._token.get_secret_value()}"}

    def renew(self) -> bool:
        """Forget the token; the next request asks for another one."""
        self._token = None
        return True

    def _take(self, ask: Ask, now: datetime) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id.get_secret_value(),
            "client_secret": self.client_secret.get_secret_value(),
        }
        answer = ask(self.url, form)
        answer = answer if isinstance(answer, dict) else {}
        token, lasts = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token:
            what = "the answer to a request for a token holds none"
            raise FixConfig(what, "the source's credentials", "Check client id and secret.")
        self._token = SecretStr(token)
        self._until = now + timedelta(seconds=lasts) if isinstance(lasts, int) else None
