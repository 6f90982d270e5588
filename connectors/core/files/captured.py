"""What trackers send: events one by one, in batches, or as requests that somebody captured.

A batch is `{"batch": [event, ...], "sentAt": ...}`. A captured request is
`{"method", "path", "headers", "body"}`; its body is an event, a batch, or the text of one: browsers
post JSON as text/plain, or as a form whose field `data` is base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

Event = dict[str, Any]
_REQUEST = {"method", "path", "headers"}


def taken_apart(line: Event, *, listed: str, told: Sequence[str]) -> list[Any]:
    """The events of a line, in their order; `[line]` itself where it is one.

    `listed` names the field that holds a batch. What the envelope tells, the times of sending and
    of arrival named in `told`, goes to each event that doesn't say so itself.
    """
    body = _body(line, listed) if "body" in line else line
    batch = body.get(listed)
    if body is line and not isinstance(batch, list):
        return [line]
    events = batch if isinstance(batch, list) else [body]
    said = {name: body.get(name) or line.get(name) for name in told}
    return [_with(event, said) if isinstance(event, dict) else event for event in events]


def json_in(text: object) -> Any:  # noqa: ANN401 - that is what JSON is
    """The value of a text that is JSON; anything else as it is. Numbers keep their digits."""
    if not isinstance(text, (str, bytes)):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def json_in_base64(text: object) -> Any:  # noqa: ANN401 - that is what JSON is
    """The value of JSON in base64, with the URL's alphabet too; anything else as it is."""
    if not isinstance(text, str):
        return text
    plain = text.strip().translate(str.maketrans("-_ ", "+/+"))
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        return text
    value = json_in(data)
    return text if isinstance(value, bytes) else value


def _body(line: Event, listed: str) -> Event:
    if not _REQUEST & line.keys():
        return line
    body = json_in(line["body"])
    if isinstance(body, str) and "data=" in body:
        body = json_in_base64((parse_qs(body).get("data") or [""])[0])
    if isinstance(body, list):
        body = {listed: body}
    return body if isinstance(body, dict) else line


def _with(event: Event, said: Event) -> Event:
    news = {name: value for name, value in said.items() if value and not event.get(name)}
    return event | news
