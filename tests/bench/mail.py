"""How fast emails leave: rendered, over four connections, to a real mail server on loopback.

The server is aiosmtpd in a process of its own. The reference, measured in the same run, is one
connection of the standard library that writes and hands over the same emails.
"""

from __future__ import annotations

import asyncio
import shutil
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.core.clock import utc_now
from connectors.core.delivery import OutMessage
from connectors.core.sender import DEMO_SENDER
from connectors.core.settings import Settings
from connectors.destinations.render import render
from connectors.destinations.smtp.destination import SmtpDestination
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.outbox import emit
from tests.bench.emit import RUN, make_snapshot
from tests.bench.report import ROOT, Row, measure

EMAILS = 2_000
RATE_GOAL = 450  # emails a second; django-post-office reaches 442
DOMAINS = 50
FROM = "hello@brand.example"


def rows(scale: float, home: Path) -> list[Row]:
    """Send 2,000 emails (fewer for a scale below 1): to the server, by the ledger, and signed."""
    number = max(200, int(EMAILS * min(scale, 1.0)))
    found = {}
    for way in ("plain", "deliver", "signed", "emitted"):
        with _server() as port:
            target = f"tests.bench.mail:{way}"
            found[way] = number / measure(target, str(home / way), port, number).seconds
    shutil.rmtree(home, ignore_errors=True)
    plain = found["plain"]
    against = f"{plain:,.0f}/s: one connection of smtplib, the same emails"
    goal = f">= {RATE_GOAL}/s"
    shown = (
        ("deliver", "emails a second over 4 connections, rendered", goal),
        ("signed", "emails a second, signed (DKIM, RSA of 2,048 bits)", ""),
        ("emitted", "emails a second by the ledger, reserved to recorded", ""),
    )
    return [
        Row(
            f"mail: {what}", f"{found[way]:,.0f}/s", against, found[way] / plain, wanted,
            found[way] >= RATE_GOAL if wanted else None,
        )
        for way, what, wanted in shown
    ]  # fmt: skip


def plain(home: str, port: int, number: int) -> dict[str, float]:
    """Write and hand over emails by one connection, as the library's manual has it."""
    settings, messages = _settings(home, port), _messages(number)
    render(messages[0], settings)
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port, "bench.example") as smtp:
        for each in messages:
            shown, email = render(each, settings), EmailMessage()
            email["From"], email["To"], email["Subject"] = FROM, each.address, shown.subject
            email["Date"], email["Message-ID"] = utc_now(), f"<{each.message_key}@brand.example>"
            email["List-Unsubscribe"] = f"<{shown.unsubscribe_url}>"
            email.set_content(shown.text)
            email.add_alternative(shown.html, subtype="html")
            smtp.send_message(email)
    return {"seconds": time.perf_counter() - began}


def deliver(home: str, port: int, number: int, **smtp: str) -> dict[str, float]:
    """Render and send by the destination, in its batches."""
    destination = SmtpDestination(_settings(home, port, **smtp))
    messages, size = _messages(number), destination.batch_size
    destination.deliver("warm", _messages(4))
    began, accepted = time.perf_counter(), 0
    for first in range(0, number, size):
        outcomes = destination.deliver(f"b{first}", messages[first : first + size])
        accepted += sum(each.state == "accepted" for each in outcomes)
    return _done(time.perf_counter() - began, accepted, number)


def signed(home: str, port: int, number: int) -> dict[str, float]:
    """As `deliver`, each with a signature."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return deliver(home, port, number, dkim_key=pem, dkim_selector="bench")


def emitted(home: str, port: int, number: int) -> dict[str, float]:
    """Emit a mass plan by the ledger."""
    make_snapshot(home, number, "smtp")
    place = Path(home)
    ledger = open_ledger(f"sqlite:///{place}/ledger.db")
    made = {"smtp": SmtpDestination(_settings(home, port))}
    began = time.perf_counter()
    result = emit(ledger, place / "runs" / RUN, RUN, "mass", made)
    seconds = time.perf_counter() - began
    ledger.dispose()
    return _done(seconds, result.accepted + result.held, number)


def _done(seconds: float, accepted: int, number: int) -> dict[str, float]:
    if accepted != number:
        message = f"{accepted} of {number} emails were accepted"
        raise RuntimeError(message)
    return {"seconds": seconds}


def _messages(number: int) -> Sequence[OutMessage]:
    content = {"subject": "Your basket", "fact": "A kettle is in it.", "items": "Kettle, Mug"}
    return [
        OutMessage(
            f"{n:032x}", f"a.reader{n}@d{n % DOMAINS}.example", f"p{n}", "abandoned_cart", None,
            1, None, "email", None, content, {},
        )
        for n in range(number)
    ]  # fmt: skip


def _settings(home: str, port: int, **smtp: str) -> Settings:
    server: dict[str, Any] = {"host": "127.0.0.1", "port": port, "sender": FROM, "tls": "none"}
    server |= {"per_domain_per_second": 0, **smtp}
    return Settings(home=Path(home), sender=DEMO_SENDER, smtp=server)


@contextmanager
def _server() -> Iterator[int]:
    command = [sys.executable, "-m", "tests.bench.mail"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        try:
            yield int(running.stdout.readline())
        finally:
            running.kill()


class _Sink:
    """Takes every email."""

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802 - the library's name
        return "250 2.0.0 queued"


async def _serve() -> None:
    from aiosmtpd.smtp import SMTP  # noqa: PLC0415 - the server's process alone has it

    loop = asyncio.get_running_loop()
    made = await loop.create_server(lambda: SMTP(_Sink(), hostname="bench"), "127.0.0.1", 0)
    print(made.sockets[0].getsockname()[1], flush=True)
    await made.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
