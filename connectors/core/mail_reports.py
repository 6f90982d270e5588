"""What mail servers and mailbox providers report of our emails: RFC 3464 and RFC 5965.

A report is a `multipart/report`: words for people, a part of fields for machines, and the email
that it is about, or its headers. Of these only short facts are kept: whose email, what became of
it, by which codes. Nobody signs them: whether one is believed is judged by whom the email went to.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

from connectors.core.clock import as_utc, iso_z

# As the smtp destination writes the Message-ID: the message's key, at the sender's domain.
KEY: Final = re.compile(r"(?<![0-9A-Za-z])([0-9a-f]{32})(?![0-9A-Za-z])")
MESSAGE_ID: Final = re.compile(r"<([0-9a-f]{32})@([A-Za-z0-9.-]{1,253})>")
# RFC 3463; a server's own words may name another one than the field does.
ENHANCED: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
SMTP_CODE: Final = re.compile(r"(?<![\d.])([245]\d\d)(?![\d.])")
ADDRESS: Final = re.compile(r"[^\s<>@;,\"']{1,64}@[^\s<>@;,\"']{1,255}")
# What nobody could read is kept, so that it can be read again; it is short.
KEPT_CHARACTERS: Final = 2_000
_WORD: Final = re.compile(r"[a-z][a-z-]{0,30}")

Fields = dict[str, Any]


def parsed(data: bytes) -> Message:
    """An email as it is; whatever its bytes are, something is made of them."""
    return message_from_bytes(data, policy=policy.compat32)


def header(part: Message, name: str) -> str:
    """A header in one line of text; '' where it is not there."""
    raw = part.get(name)
    if raw is None:
        return ""
    try:
        text = str(make_header(decode_header(str(raw))))
    except (LookupError, ValueError):
        text = str(raw)
    return " ".join(text.split())


def is_report(email: Message) -> bool:
    """Tell by its header whether an email is a report of a delivery, or of a complaint."""
    kind = str(email.get_param("report-type") or "").lower()
    return email.get_content_type() == "multipart/report" and kind in _READERS


def reported(email: Message, domain: str = "") -> list[Fields]:
    """What a report says, once for each recipient that it names.

    Where it says nothing that can be read: what was found in its place, with a `problem`.
    `domain`: that of our Message-IDs; '' takes any.
    """
    kind = str(email.get_param("report-type") or "").lower()
    part = _part(email, f"message/{kind}")
    found = [*_READERS[kind](part, email)] if part is not None else []
    common = {"what": kind, "message_key": _key(email, part, domain)}
    if not found:
        text = part.as_string() if part is not None else ""
        found = [{"problem": "it names no recipient", "text": text[:KEPT_CHARACTERS]}]
    return [{**common, **fields} for fields in found]


def sent_at(email: Message) -> str | None:
    """When an email says that it was written, as ISO 8601; None where that is no time."""
    return _instant(header(email, "Date"))


def key_in(text: str, domain: str = "") -> str | None:
    """The key in Message-IDs, the last first: they are ordered from the oldest to the newest."""
    for found in reversed(MESSAGE_ID.findall(text)):
        if not domain or found[1].lower() == domain.lower():
            return str(found[0])
    return None


def key_in_recipients(email: Message) -> str | None:
    """The key in the address that it was sent to: `bounces+<key>@` or `unsubscribe-<key>@`."""
    for name in ("Delivered-To", "X-Original-To", "To"):
        for _, address in getaddresses([header(email, name)]):
            found = KEY.search(address.partition("@")[0].lower())
            if found:
                return found[1]
    return None


def _statuses(part: Message, _email: Message) -> Iterator[Fields]:
    """Blocks of fields: the first is about the email, each other one about a recipient."""
    for block in _blocks(part):
        recipient = _address(header(block, "Final-Recipient")) or _address(
            header(block, "Original-Recipient")
        )
        action = _word(header(block, "Action"))
        if not recipient and not action:
            continue
        status = ENHANCED.search(header(block, "Status"))
        diagnostic = header(block, "Diagnostic-Code")
        told, code = ENHANCED.search(diagnostic), SMTP_CODE.search(diagnostic)
        yield {
            "final_recipient": _original(block) or recipient,
            "action": action,
            "status": _clearer(status[1] if status else None, told[1] if told else None),
            "code": code[1] if code else None,
            "occurred_at": _instant(header(block, "Last-Attempt-Date")),
        }


def _complaints(part: Message, email: Message) -> Iterator[Fields]:
    """One complaint for each recipient; providers may leave the address out, or black it."""
    about = next((block for block in _blocks(part) if block.get("Feedback-Type")), None)
    if about is None:
        return
    named = [_address(str(value)) for value in about.get_all("Original-Rcpt-To", [])]
    original = _original_email(email)
    if not any(named) and original is not None:
        named = [_address(header(original, "To"))]
    for recipient in dict.fromkeys(each for each in named if each) or [None]:
        yield {
            "final_recipient": recipient,
            "feedback_type": _word(header(about, "Feedback-Type")),
            "occurred_at": _instant(header(about, "Arrival-Date"))
            or _instant(header(about, "Received-Date")),
        }


_READERS: Final = {"delivery-status": _statuses, "feedback-report": _complaints}


def _key(email: Message, part: Message | None, domain: str) -> str | None:
    """Whose report it is: by the email that came back, the envelope's id, or where it was sent."""
    original = _original_email(email)
    found = key_in(header(original, "Message-ID"), domain) if original is not None else None
    for block in _blocks(part) if part is not None and not found else ():
        told = KEY.fullmatch(header(block, "Original-Envelope-Id").lower())
        if told:
            return told[1]
    return found or key_in_recipients(email)


def _original_email(email: Message) -> Message | None:
    """The email that a report is about, or what is left of it."""
    for part in email.walk():
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            return parsed(payload) if isinstance(payload, bytes) else None
        if part.get_content_type() == "message/rfc822" and part.is_multipart():
            first = part.get_payload(0)
            return first if isinstance(first, Message) else None
    return None


def _part(email: Message, content_type: str) -> Message | None:
    return next((part for part in email.walk() if part.get_content_type() == content_type), None)


def _blocks(part: Message) -> list[Message]:
    """The blocks of fields of a part; also where it came encoded, which it must not."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    blocks = [each for each in payload if isinstance(each, Message)]
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return blocks
    coded = "".join(str(each.get_payload()) for each in blocks if not each.is_multipart())
    try:
        plain = b64decode(coded)
    except ValueError:
        return blocks
    return [parsed(each + b"\n\n") for each in re.split(rb"\r?\n\r?\n", plain) if each.strip()]


def _original(block: Message) -> str | None:
    """Whom it was sent to first: an address that is forwarded fails under another one."""
    return _address(header(block, "Original-Recipient"))


def _address(text: str) -> str | None:
    """The address in a field such as `rfc822; ada@example.com`; xtext's +3D is read back."""
    found = ADDRESS.search(text.partition(";")[2] or text)
    if found is None:
        return None
    plain = re.sub(r"\+([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), found[0])
    return plain if "utf-8" not in text.partition(";")[0].lower() else found[0]


def _clearer(status: str | None, told: str | None) -> str | None:
    """Of two codes the one that says more: 5.0.0 is any failure."""
    is_vague = status is None or status.endswith(".0.0")
    return told if is_vague and told else status


def _word(text: str) -> str | None:
    found = _WORD.match(text.lower())
    return found[0] if found else None


def _instant(text: str) -> str | None:
    try:
        return iso_z(as_utc(parsedate_to_datetime(text))) if text else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
