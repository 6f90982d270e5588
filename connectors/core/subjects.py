"""Whose a record is: the nodes of the identifiers at a stream's known paths, and in its text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

import orjson

from connectors.core.identifiers import normalise_email, normalise_phone
from connectors.core.payload import at_path, json_text
from connectors.core.spec import Stream

ERASED = "[erased]"
ADDRESSES = ("email", "phone")
# As people write it in a sentence and as a browser writes it in an address. Wide on purpose: what
# is found is normalised, hashed and compared.
_EMAIL = re.compile(r"[^\s\"<>()\[\]{},;:\\=&?/|@]+(?:@|%40)[^\s\"<>()\[\]{},;:\\=&?/|@%]+")
_EDGES = ".!'`*_~"


class Named(NamedTuple):
    """An identifier in a record: its type, how it is written there, and its node."""

    type: str
    raw: str
    node_id: str


class Subjects:
    """Reads the records of one stream of one source."""

    def __init__(
        self, stream: Stream, source_id: str, id_space: str, key: str, country: str
    ) -> None:
        """`key` is the keyed hash's secret, `country` the ISO-2 default for phones."""
        self._spaces = {"user_id": id_space, "loyalty_card": id_space, "device": source_id}
        self._key, self._country = key, country
        paths = {**stream.identifiers, **stream.people}
        self._paths = [(type_, path) for type_, each in paths.items() for path in each]

    def named(self, document: object) -> list[Named]:
        """The identifiers at the stream's paths of a parsed payload."""
        found = ((type_, _text(at_path(document, path))) for type_, path in self._paths)
        return [
            Named(type_, raw, node)
            for type_, raw in found
            if raw and (node := self.node(type_, raw))
        ]

    def node(self, type_: str, raw: str) -> str | None:
        """The node of an identifier, as landing (addresses) or the models (ids) make it."""
        if type_ == "node":
            return raw
        if type_ == "email":
            return _email_node(raw, self._key)
        if type_ == "phone":
            return _phone_node(raw, self._country, self._key)
        return _id_node(type_, self._spaces[type_], raw)

    def mentioned(self, payload: str) -> list[Named]:
        """The emails that stand anywhere in a payload."""
        if "@" not in payload and "%40" not in payload and "\\u" not in payload:
            return []
        found = (match.group().strip(_EDGES) for match in _EMAIL.finditer(_plain(payload)))
        return [
            Named("email", raw, node) for raw in found if (node := self.node("email", unquote(raw)))
        ]

    def without(self, payload: str, named: Collection[Named]) -> str:
        """A payload without these: addresses wherever they stand, ids where ids stand."""
        texts = {each.raw.strip().lower() for each in named if each.type in ADDRESSES}
        ids = {(each.type, each.raw) for each in named if each.type not in ADDRESSES}
        # Nothing matches a pattern of no alternatives.
        longest = sorted(map(re.escape, texts), key=len, reverse=True)
        pattern = re.compile("|".join(longest) or r"(?!)", re.IGNORECASE)
        document = parsed(payload)
        if document is None:
            return pattern.sub(ERASED, payload)
        for type_, path in self._paths:
            if type_ != "node" and (type_, _text(at_path(document, path))) in ids:
                above, _, name = path.rpartition(".")
                holder = at_path(document, above) if above else document
                if isinstance(holder, dict):
                    holder[name] = None
        return json_text(_walked(document, texts, pattern))


def parsed(payload: str) -> object:
    """A payload as JSON; None where it is none."""
    try:
        return orjson.loads(payload)
    except ValueError:
        return None


def _walked(value: object, whole: Collection[str], pattern: re.Pattern[str]) -> object:
    """JSON without these texts: what is one becomes null, what holds one shows a gap."""
    if isinstance(value, dict):
        return {name: _walked(each, whole, pattern) for name, each in value.items()}
    if isinstance(value, list):
        return [_walked(each, whole, pattern) for each in value]
    if isinstance(value, str):
        return None if value.strip().lower() in whole else pattern.sub(ERASED, value)
    return None if _text(value) in whole else value


def _plain(payload: str) -> str:
    """The text with its escapes undone, where it has any."""
    if "\\u" not in payload:
        return payload
    document = parsed(payload)
    return payload if document is None else orjson.dumps(document).decode()


def _text(value: object) -> str | None:
    """An identifier as text, trimmed as staging trims it; a number counts as text."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


@lru_cache(maxsize=50_000)
def _email_node(raw: str, key: str) -> str | None:
    return normalise_email(raw, key).node_id


@lru_cache(maxsize=50_000)
def _phone_node(raw: str, country: str, key: str) -> str | None:
    return normalise_phone(raw, country, key).node_id


@lru_cache(maxsize=50_000)
def _id_node(type_: str, space: str, raw: str) -> str:
    """As the macro `node` makes it."""
    return hashlib.md5(f"{type_}|{space}|{raw}".encode(), usedforsecurity=False).hexdigest()
