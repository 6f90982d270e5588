"""One request, and what became of the attempt to send it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.exceptions import ConnectTimeout, SSLError
from urllib3.exceptions import NewConnectionError
from urllib3.filepost import encode_multipart_formdata

from connectors.core.errors import FixConfig
from connectors.core.http.reply import Busy, place_of

Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. At most one of `json`, `form` and `data`, whose kind is `content_type`.

    `is_repeatable`: asked twice, it has the effect of once.
    """

    method: str
    url: str
    params: Params | None = None
    json: Any = None
    form: Mapping[str, str] | None = None
    data: bytes | None = None
    content_type: str = ""
    has_credentials: bool = True
    is_repeatable: bool = True


def multipart(field: str, filename: str, data: bytes, kind: str = "text/csv") -> tuple[bytes, str]:
    """A file as a form's field (RFC 7578): the body, and its content type for `upload`."""
    return encode_multipart_formdata({field: (filename, data, kind)})


def sent(
    session: requests.Session,
    request: Request,
    headers: Mapping[str, str],
    timeout: tuple[float, float],
) -> requests.Response | Busy:
    """Send a request once; `Busy` where the connection failed.

    `timeout`: the seconds to wait for a connection, and for the next byte.

    Raises:
        FixConfig: it cannot be sent, however often.
    """
    kind = {"Content-Type": request.content_type} if request.content_type else {}
    try:
        return session.request(
            request.method,
            request.url,
            params=request.params,
            json=request.json,
            data=request.form if request.data is None else request.data,
            headers={**kind, **headers},
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        )
    except requests.RequestException as error:
        name = type(error).__name__
        passes = isinstance(error, requests.ConnectionError | requests.Timeout)
        passes = passes and not isinstance(error, SSLError)
        is_lost = not _never_left(error)
    if passes:
        return Busy(f"the connection failed: {name}", is_lost=is_lost)
    # Raised outside the handler: the chained error would show the URL with its query.
    what = f"the request can't be made: {name}"
    raise FixConfig(what, place_of(request.url), "Correct the url and the credentials.")


def _never_left(error: requests.RequestException) -> bool:
    """Whether there was no connection that a byte could have left by."""
    cause = error.args[0] if error.args else None
    refused = isinstance(getattr(cause, "reason", None), NewConnectionError)
    return refused or isinstance(error, ConnectTimeout)
