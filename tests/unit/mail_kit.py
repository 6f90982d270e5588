"""Letters as they come back: reports of servers and providers, replies, automatic answers."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import md5

AT = datetime(2011, 12, 6, 10, 0, tzinfo=UTC)
BRAND = "brand.example"


def key(name: str) -> str:
    """A message's key of that name: 32 hex digits, as the models make them."""
    return md5(name.encode(), usedforsecurity=False).hexdigest()


def bounce(
    message_key: str | None,
    *recipients: str,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <x>: no such user",
    at: datetime = AT,
    original: str = "text/rfc822-headers",
    more: str = "",
    to: str = "bounces@brand.example",
) -> bytes:
    """A delivery status (RFC 3464) on these recipients."""
    blocks = "\n".join(
        f"Final-Recipient: rfc822; {each}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: {diagnostic}\n"
        for each in recipients
    )
    about = f"Message-ID: <{message_key}@{BRAND}>\nSubject: Your basket\n" if message_key else ""
    return f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.example
To: {to}
Date: {format_datetime(at)}
Message-ID: <{key(f"{message_key}{recipients}{action}{at}")}-report@mx.example>
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

I'm sorry to inform you.

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
{more}
{blocks}
--cut
Content-Type: {original}

{about}
--cut--
""".encode()


def complaint(
    message_key: str | None, *recipients: str, kind: str = "abuse", to: str = "", at: datetime = AT
) -> bytes:
    """A feedback report (RFC 5965); providers may name nobody."""
    named = "".join(f"Original-Rcpt-To: <{each}>\n" for each in recipients)
    about = f"Message-ID: <{message_key}@{BRAND}>\n" if message_key else ""
    return f"""\
From: <feedback@provider.example>
To: abuse@brand.example
Date: {format_datetime(at)}
Message-ID: <{key(f"{message_key}{recipients}{kind}")}-arf@provider.example>
Subject: FW: Your basket
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="cut"

--cut
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.
--cut
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{named}Arrival-Date: {format_datetime(at)}

--cut
Content-Type: message/rfc822

From: <hello@brand.example>
To: {to}
{about}Subject: Your basket

Hello
--cut--
""".encode()


def letter(
    sender: str,
    text: str,
    *,
    answers: str | None = None,
    subject: str = "Re: Your basket",
    to: str = "hello@brand.example",
    at: datetime = AT,
    html: bool = False,
    **headers: str,
) -> bytes:
    """A letter that a person, or a machine for them, has written."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = f"Somebody <{sender}>", to, subject
    made["Date"] = format_datetime(at)
    made["Message-ID"] = f"<{key(sender + text + str(at))}-letter@mail.example>"
    if answers:
        made["In-Reply-To"] = f"<{answers}@{BRAND}>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text, subtype="html" if html else "plain")
    return made.as_bytes()
