"""Reading a body with bounds: of size, whatever it was packed from, and of time, however slow."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import orjson
import requests
from urllib3.exceptions import HTTPError

from connectors.core.errors import StopRun
from connectors.core.garbage import collection_paused
from connectors.core.http.reply import place_of

MOST_BYTES = 64 * 1024 * 1024
# One line of a file. A shop's largest order is far below it.
MOST_LINE_BYTES = 16 * 1024 * 1024
# A server may pause for the read timeout between any two bytes; all of a page has so many of them.
PATIENCE = 5
_PIECE = 64 * 1024
# Numbers that a double can't hold: the quick parser would round them, ids among them.
_LONG_NUMBER = re.compile(rb"[\[:,\s-]\d{19,}")


class Broken(Exception):
    """The body is not whole; its text says in what way, without data."""


def read_body(answer: requests.Response, read_seconds: float) -> bytes:
    """All of a page.

    Raises:
        Broken: the connection broke off, or the page dripped for longer than anybody waits.
        StopRun: unpacked, it is larger than any page may be.
    """
    until = time.monotonic() + PATIENCE * read_seconds
    pieces = bytearray()
    for piece in _pieces(answer):
        pieces += piece
        if len(pieces) > MOST_BYTES:
            answer.close()
            what = f"an answer is larger than {MOST_BYTES // 1024**2} MB"
            raise StopRun(what, place_of(answer.url), "Lower the source's page_size.")
        if time.monotonic() > until:
            answer.close()
            what = "the answer came too slowly"
            raise Broken(what)
    return bytes(pieces)


def read_lines(answer: requests.Response) -> Iterator[bytes]:
    """The lines of a body, each without its end; the last one only if it has an end.

    Raises:
        Broken: the connection broke off.
        StopRun: a line is longer than any record may be.
    """
    left = b""
    for piece in _pieces(answer):
        *lines, left = (left + piece).split(b"\n")
        yield from lines
        if len(left) > MOST_LINE_BYTES:
            answer.close()
            what = f"a line is longer than {MOST_LINE_BYTES // 1024**2} MB"
            raise StopRun(what, place_of(answer.url), "Report it to the vendor.")
    if left:
        yield left


def parsed(text: bytes) -> Any:  # noqa: ANN401 - JSON
    """A page as JSON value; None where it is empty. `Broken` where it is no whole JSON."""
    if not text:
        return None
    with collection_paused():
        if not _LONG_NUMBER.search(text):
            try:
                return orjson.loads(text)
            except orjson.JSONDecodeError:
                pass
        try:  # NaN, halves of surrogate pairs, numbers beyond 64 bits: one record's trouble
            return json.loads(text)
        except (ValueError, RecursionError):
            what = "the answer is no whole JSON"
    raise Broken(what)


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    """What has come, as it comes: waiting for a whole piece would let a drip go on for ever."""
    try:
        while piece := answer.raw.read1(_PIECE, decode_content=True):
            yield piece
    except (HTTPError, OSError) as error:
        kind = type(error).__name__
    else:
        return
    what = f"the answer broke off: {kind}"
    raise Broken(what)
