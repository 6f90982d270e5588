"""An email as it goes over the wire: headers, text and HTML, from what a message says.

Nothing that comes from data gets into a header but the subject, the key and the address, and no
value that could begin another header gets into any.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from html import unescape
from importlib import import_module
from typing import TYPE_CHECKING, Final

from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig, SkipRecord
from connectors.core.handout.calendar import written
from connectors.core.handout.meetings import read_meetings
from connectors.core.mail_server import ADDRESS
from connectors.core.settings import Settings
from connectors.destinations.render import Rendered, render

if TYPE_CHECKING:
    from connectors.destinations.smtp.signing import Signer

# In quoted-printable no line can hold it.
BOUNDARY: Final = "=_parley"
KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
LINK: Final = re.compile(r"https://[!-;=?-~]{1,900}")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
SHORT: Final = 60
MIME: Final = (
    "Auto-Submitted: auto-generated\n"
    "MIME-Version: 1.0\n"
    f'Content-Type: multipart/alternative; boundary="{BOUNDARY}"\n'
)
_PART = (
    f"--{BOUNDARY}\n"
    "Content-Type: text/{}; charset=utf-8\n"
    "Content-Transfer-Encoding: quoted-printable\n\n"
)
TEXT, HTML, END = _PART.format("plain"), _PART.format("html"), f"--{BOUNDARY}--\n"
# By the method, a mailbox knows that it is asked (RFC 6047).
INVITED = _PART.format("calendar").replace("utf-8", "utf-8; method=REQUEST")
WRITTEN: Final = ("email", "meeting")


@dataclass(frozen=True, slots=True)
class Letter:
    """An email to one recipient; `data` has CRLF at its lines' ends and is signed."""

    message_key: str
    recipient: str
    data: bytes


@dataclass(frozen=True)
class Writer:
    """Writes emails: `opening` is what all of them have in common at the top."""

    settings: Settings
    clock: Callable[[], datetime]
    signer: Signer | None
    opening: str
    domain: str

    def write(self, message: OutMessage) -> Letter:
        """Write a message out and sign it.

        Raises:
            SkipRecord: it cannot be sent: it has not one recipient, something in it is no part of
                a header, or it is marketing that nobody could unsubscribe from.
            FixConfig: marketing lacks a sender, or a template cannot be read.
        """
        recipient, at = recipient_of(message), self.clock()
        if not KEY.fullmatch(message.message_key) or not NAME.fullmatch(message.programme):
            why = "its key or its programme's name cannot be in a header"
            raise _refused(why)
        shown = render(message, self.settings)
        headers = (
            f"{self.opening}To: {recipient}\n"
            f"Subject: {_subject(shown.subject)}\n"
            f"Date: {format_datetime(at)}\n"
            f"Message-ID: <{message.message_key}@{self.domain}>\n"
            f"Content-Language: {shown.language}\n"
            f"Feedback-ID: {message.programme}:{_purpose(message)}:parley:{self.domain}\n"
            f"{self._unsubscribing(message, shown)}{MIME}\n"
        )
        invited = self._invited(message, shown, at)
        body = f"{TEXT}{_quoted(shown.text)}{HTML}{_quoted(shown.html)}{invited}{END}"
        data = (headers + body).replace("\n", "\r\n").encode("ascii")
        signature = self.signer.signature(data, at) if self.signer else b""
        return Letter(message.message_key, recipient, signature + data)

    def _invited(self, message: OutMessage, shown: Rendered, at: datetime) -> str:
        """The invitation that a message to a meeting carries; nothing for an email."""
        if message.channel != "meeting":
            return ""
        meetings = read_meetings(self.settings)
        if why := meetings.refusal(message, at):
            raise _refused(why)
        made = written(meetings.invitation(message, shown.subject, shown.text, at))
        return f"{INVITED}{_quoted(made)}"

    def _unsubscribing(self, message: OutMessage, shown: Rendered) -> str:
        """RFC 8058's headers; nothing for a service message."""
        if message.purpose == "service":
            return ""
        link, address = shown.unsubscribe_url, _plain(self.settings.written_by.postal_address)
        parts = _plain(shown.text), _plain(unescape(shown.html))
        if not LINK.fullmatch(link) or not all(link in part for part in parts):
            why = "marketing without a link to unsubscribe, by https"
            raise _refused(why)
        if not address or not all(address in part for part in parts):
            why = "marketing without a postal address"
            raise _refused(why)
        return f"List-Unsubscribe: <{link}>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n"


def writer(settings: Settings, clock: Callable[[], datetime]) -> Writer:
    """Make what writes emails for these settings.

    Raises:
        FixConfig: the sender's name cannot be in a header, or the DKIM key cannot be used.
    """
    company = settings.written_by.company
    if CONTROL.search(company):
        what = "the company's name holds a line break or another invisible sign"
        raise FixConfig(what, "PARLEY_SENDER__COMPANY", "Write it in one line.")
    opening = f"From: {formataddr((company, settings.smtp.sender))}\n"
    return Writer(settings, clock, _signer(settings), opening, settings.smtp.domain)


def recipient_of(message: OutMessage) -> str:
    """The one address of a message, as a server that knows ASCII alone can take it.

    Raises:
        SkipRecord: it is none, several, or one that such a server cannot take.
    """
    if message.channel not in WRITTEN:
        why = "it is no email"
        raise _refused(why)
    name, _, domain = message.address.rpartition("@")
    try:
        found = f"{name}@{domain if domain.isascii() else domain.encode('idna').decode()}"
    except UnicodeError:
        found = ""
    if not re.fullmatch(ADDRESS, found) or not name:
        why = "not exactly one address that can be written to"
        raise _refused(why)
    return found


def _signer(settings: Settings) -> Signer | None:
    if settings.smtp.dkim_key is None:
        return None
    try:
        signing = import_module("connectors.destinations.smtp.signing")
    except ImportError:
        what = "a DKIM key is set, but the extra 'dkim' is not installed"
        remedy = "Install it: `uv sync --extra dkim`, or `pip install 'parley[dkim]'`."
        raise FixConfig(what, "PARLEY_SMTP__DKIM_KEY", remedy) from None
    made: Signer | None = signing.signer(settings.smtp)
    return made


def _subject(text: str) -> str:
    """The subject as a header's value, folded; plain where that means the same."""
    if CONTROL.search(text):
        why = "its subject holds a line break"
        raise _refused(why)
    if text.isascii() and len(text) <= SHORT and "=?" not in text:
        return text
    return Header(text, "utf-8", header_name="Subject").encode()


def _purpose(message: OutMessage) -> str:
    return "service" if message.purpose == "service" else "marketing"


def _quoted(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    return b2a_qp(lines.encode()).decode("ascii")


def _plain(text: str) -> str:
    return " ".join(text.split())


def _refused(why: str) -> SkipRecord:
    return SkipRecord(why, "destination smtp", "Mend its data or its template.")
