"""Where the next page is: by link, field, number, offset or cursor."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from connectors.core.http.reply import Reply

Next = Callable[[Reply], str | None]


def link_next(reply: Reply) -> str | None:
    """The next page by the `Link` header (RFC 8288)."""
    return reply.link_next


def field_next(field: str, param: str | None = None) -> Next:
    """The next page by a field of the body: an address, or with `param` that parameter's value."""

    def following(reply: Reply) -> str | None:
        value = reply.body.get(field) if isinstance(reply.body, dict) else None
        if value in (None, "") or param is None:
            return value or None
        return with_param(reply.url, param, value)

    return following


def with_param(url: str, param: str, value: object) -> str:
    """The address with one parameter of its query set."""
    parts = urlsplit(url)
    query = [*((k, v) for k, v in parse_qsl(parts.query) if k != param), (param, str(value))]
    return urlunsplit(parts._replace(query=urlencode(query)))
