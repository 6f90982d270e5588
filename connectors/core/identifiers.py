"""Emails and phones: normalised once, in Python, as they land, so that SQL only has to join."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import orjson
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from connectors.core.mailboxes import canonical, registrable_domain
from connectors.core.spec import Record, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

IdentifierType = Literal["email", "phone"]

IDENTIFIERS = Stream("identifiers", key="raw", people={"node": ("node_id",)})
IDENTIFIERS_SOURCE = "identifiers"

# RFC 5321 allows 254 characters; longer text isn't worth a parser's time.
MAX_EMAIL = 320
MAX_PHONE = 64
# Forgetting what was seen costs a repeated row, which staging absorbs; it bounds the memory.
MAX_SEEN = 50_000


@dataclass(frozen=True, slots=True)
class Identifier:
    """What became of a raw identifier; all but type, raw and reason are None unless it is valid.

    `value` is the spelling that the node is made from, `address` the one to write to or call, and
    `domain` an email's registrable domain.
    """

    type: IdentifierType
    raw: str
    value: str | None
    node_id: str | None
    is_valid: bool
    reason: str | None
    address: str | None = None
    domain: str | None = None


def node_id(type_: str, value: str, key: str) -> str:
    """The pseudonym of a normalised identifier: 32 hex digits of HMAC-SHA256 under `key`."""
    return hmac.digest(key.encode(), f"{type_}:{value}".encode(), "sha256").hex()[:32]


def normalise_email(raw: str, key: str = "") -> Identifier:
    """Check an email's form (no DNS) and bring it to the one spelling that nodes are made from.

    The address keeps how it was written, in Unicode NFKC, lower case, the domain in Unicode. Of
    the node's spelling dots and +tags are left out where the mailbox provider ignores them.
    """
    address, reason = _email(raw)
    if address is None:
        return _identifier("email", raw, None, reason, key)
    value = canonical(address)
    found = _identifier("email", raw, value, reason, key)
    return replace(found, address=address, domain=registrable_domain(value))


def normalise_phone(raw: str, country: str, key: str = "") -> Identifier:
    """Bring a phone number to E.164; `country` (ISO-2) applies where it names none itself."""
    value, reason = _phone(raw, country)
    return replace(_identifier("phone", raw, value, reason, key), address=value)


def _identifier(
    type_: IdentifierType, raw: str, value: str | None, reason: str | None, key: str
) -> Identifier:
    node = node_id(type_, value, key) if value is not None else None
    return Identifier(type_, raw, value, node, value is not None, reason)


# The same raw value comes back in customers, orders and consents: parsing is the dear part.
@lru_cache(maxsize=5_000)
def _email(raw: str) -> tuple[str | None, str | None]:
    if len(raw) > MAX_EMAIL:
        return None, "too_long"
    text = unicodedata.normalize("NFKC", raw).strip()
    if not text:
        return None, "empty"
    try:
        checked = validate_email(text, check_deliverability=False)
    except (EmailNotValidError, UnicodeError):
        return None, "not_an_email"
    # lower(), not casefold(): casefold turns straße.de into strasse.de, which is somebody else.
    return checked.normalized.lower(), None


@lru_cache(maxsize=5_000)
def _phone(raw: str, country: str) -> tuple[str | None, str | None]:
    if len(raw) > MAX_PHONE:
        return None, "too_long"
    if not raw.strip():
        return None, "empty"
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None, "not_a_phone"
    if not phonenumbers.is_possible_number(number):
        return None, "impossible_number"
    if not phonenumbers.is_valid_number(number):
        return None, "unassigned_range"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None


class IdentifierCollector:
    """Finds the identifiers in payloads of a stream, each raw value once."""

    def __init__(self, stream: Stream, key: str, country: str) -> None:
        """`key` is the keyed hash's secret, `country` the ISO-2 default for phones."""
        self._key = key
        self._country = country
        self._seen: set[int] = set()
        self._paths = [
            (type_, tuple(path.split(".")))
            for type_, paths in stream.identifiers.items()
            for path in paths
        ]
        # A payload without any of the last names holds no identifier and need not be parsed.
        self._hints = sorted({f'"{path[-1]}"' for _, path in self._paths})

    def collect(self, payloads: Iterable[str]) -> list[Record]:
        """The identifiers not yet seen, as records of the `identifiers` stream."""
        if not self._paths:
            return []
        found: list[Record] = []
        for payload in payloads:
            if any(hint in payload for hint in self._hints):
                found.extend(self._in_payload(payload))
        return found

    def _in_payload(self, payload: str) -> list[Record]:
        try:
            document = orjson.loads(payload)
        except ValueError:
            return []
        found = []
        for type_, path in self._paths:
            raw = _at(document, path)
            mark = hash((type_, raw))  # 64 bits: a third of the memory of the text
            if raw is None or mark in self._seen:
                continue
            if len(self._seen) >= MAX_SEEN:
                self._seen.clear()
            self._seen.add(mark)
            found.append(self._record(type_, raw))
        return found

    def _record(self, type_: str, raw: str) -> Record:
        identifier = (
            normalise_email(raw, self._key)
            if type_ == "email"
            else normalise_phone(raw, self._country, self._key)
        )
        key = hashlib.sha256(f"{type_}:{raw}".encode()).hexdigest()[:32]
        return Record(key, None, "upsert", orjson.dumps(identifier).decode())


def _at(document: object, path: tuple[str, ...]) -> str | None:
    """The text at a path; a number counts as text (phones), anything else is no identifier."""
    for name in path:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    if isinstance(document, str):
        return document or None
    if isinstance(document, int) and not isinstance(document, bool):
        return str(document)
    return None
