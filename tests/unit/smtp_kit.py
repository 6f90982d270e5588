"""A real mail server on loopback, which answers by the recipient's name and keeps what it took.

`python smtp_kit.py serve FILE` runs one in a process of its own: it prints its port, and adds the
Message-ID of each email that it has taken over to the file before it says so.
`python smtp_kit.py emit HOME PORT RUN` emits what a run planned, in a process that may be killed.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from outbox_kit import MONDAY

from connectors.core.delivery import OutMessage
from connectors.core.sender import DEMO_SENDER
from connectors.core.settings import Settings
from connectors.destinations.smtp import SmtpDestination
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.budgets import Pace
from connectors.ledger.emission.outbox import EmitResult, emit

FROM = "hello@brand.example"
MESSAGE_ID = re.compile(rb"^Message-ID: <([^@\r\n]+)@", re.MULTILINE | re.IGNORECASE)


@dataclass
class Taken:
    """An email as the server has it, and how it was announced."""

    sender: str
    recipients: list[str]
    data: bytes
    mail: str
    rcpt: str

    @property
    def email(self) -> EmailMessage:
        made = message_from_bytes(self.data, policy=policy.default)
        assert isinstance(made, EmailMessage)
        return made


@dataclass
class Mailbox:
    """Answers by the first word of the recipient's name.

    refused: 550; deferred: 451, always; greylisted: 451, `greylists` times; spam: 554 after it has
    the email; cut: takes it, and hangs up without a word; hung: hangs up as soon as it hears of it;
    full: 421 for the first; login: 530, who are you.
    """

    greylists: int = 1
    keeps: bool = True
    file: Path | None = None
    taken: list[Taken] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    most_connections: int = 1000
    open: int = 0

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, server: Any, session: Session, envelope: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        del envelope
        session.host_name = hostname
        return [*lines[:-1], "250-ENHANCEDSTATUSCODES", *server.offers, lines[-1]]

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del session, options
        kind = re.split(r"[0-9@.-]", address)[0]
        self.asked[address] += 1
        if kind == "refused":
            return f"550 5.1.1 <{address}>: no such user"
        if kind == "deferred" or (kind == "greylisted" and self.asked[address] <= self.greylists):
            return f"451 4.7.1 <{address}>: greylisted, come back"
        if kind == "login":
            return "530 5.7.0 authenticate first"
        if kind == "full" and self.asked[address] == 1:
            return "421 4.3.2 closing"
        if kind == "hung":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope
    ) -> str:
        del session
        (address,) = envelope.rcpt_tos
        if address.startswith("spam"):
            return f"554 5.7.1 <{address}> does not want it"
        assert isinstance(envelope.content, bytes)
        if self.file:
            key = MESSAGE_ID.search(envelope.content)
            with self.file.open("ab", buffering=0) as file:
                file.write((key[1] if key else b"none") + b"\n")
        if self.keeps:
            shown = envelope.mail_from or "", envelope.rcpt_tos, envelope.content
            self.taken.append(Taken(*shown, server.said_of_mail, server.said_of_rcpt))
        if address.startswith("cut"):
            server.transport.abort()
        return "250 2.0.0 queued"


class Server(SMTP):
    """One that reports failures (DSN) if it says that it does."""

    offers: tuple[str, ...] = ()
    said_of_mail = said_of_rcpt = ""

    def connection_made(self, transport: Any) -> None:
        box = self.event_handler
        box.connections += 1
        box.open += 1
        if box.open > box.most_connections:
            transport.write(b"421 4.7.0 too many connections\r\n")
            transport.close()
        else:
            super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.event_handler.open -= 1
        if self.transport is not None:
            super().connection_lost(error)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        self.said_of_mail = arg or ""
        await super().smtp_MAIL(self._without(arg, "RET", "ENVID"))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        self.said_of_rcpt = arg or ""
        await super().smtp_RCPT(self._without(arg, "NOTIFY", "ORCPT"))

    def _without(self, arg: str | None, *names: str) -> str | None:
        if arg is None or "250-DSN" not in self.offers:
            return arg
        return " ".join(part for part in arg.split(" ") if part.partition("=")[0] not in names)


@dataclass
class Post:
    """A server at work in a thread of this process; `mailbox` has what came."""

    mailbox: Mailbox
    port: int

    @property
    def keys(self) -> list[str]:
        found = (MESSAGE_ID.search(each.data) for each in self.mailbox.taken)
        return sorted(each[1].decode() for each in found if each)


@contextmanager
def mail_server(
    mailbox: Mailbox | None = None,
    *offers: str,
    certificate: tuple[Path, Path] | None = None,
    password: str | None = None,
    smtps: bool = False,
) -> Iterator[Post]:
    """Run a server; with a certificate it offers STARTTLS, with a password it wants a login."""
    box = mailbox or Mailbox()
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*certificate)

    def login(_: Any, __: Any, ___: Any, ____: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and given.password == (password or "").encode()
        return AuthResult(success=right, handled=False)

    def made() -> Server:
        server = Server(
            box, loop=loop, hostname="mail.example", tls_context=None if smtps else tls,
            auth_required=password is not None, auth_require_tls=tls is not None and not smtps,
            authenticator=login,
        )  # fmt: skip
        server.offers = offers
        return server

    loop = asyncio.new_event_loop()
    listening = loop.create_server(made, "127.0.0.1", 0, ssl=tls if smtps else None)
    server = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Post(box, server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def settings_for(port: int, home: Path, **smtp: Any) -> Settings:
    """Settings for a server on loopback; `smtp` are those of the mail server."""
    server = {"host": "127.0.0.1", "port": port, "sender": FROM, "per_domain_per_second": 0}
    return Settings(_env_file=None, home=home, smtp={**server, **smtp}, sender=DEMO_SENDER)  # type: ignore[call-arg]


def message(key: str, **changes: Any) -> OutMessage:
    """A marketing email; its address is its key's."""
    made = OutMessage(
        key, f"{key}@shop.example", f"p-{key}", "abandoned_cart", None, 1, None, "email", None,
        {"subject": "Your basket", "fact": "A kettle is in it."}, {},
    )  # fmt: skip
    return replace(made, **changes)


def certificate(folder: Path, host: str, valid: timedelta) -> tuple[Path, Path]:
    """Make a certificate that signs itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    by_number = host.replace(".", "").isdigit()
    subject = x509.IPAddress(ip_address(host)) if by_number else x509.DNSName(host)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(pem))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return files


@contextmanager
def served_elsewhere(file: Path) -> Iterator[int]:
    """Run a server in another process; its port."""
    command = [sys.executable, __file__, "serve", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield int(running.stdout.readline())
        finally:
            running.kill()


async def _serve(file: Path) -> None:
    box = Mailbox(file=file, keeps=False)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(box, hostname="mail.example"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def emit_once(home: Path, port: int, run_id: str) -> EmitResult:
    """Emit the mass audience of a run by the server on a port."""
    engine = open_ledger(f"sqlite:///{home}/ledger.db")
    made = {"smtp": SmtpDestination(settings_for(port, home))}
    folder, pace = home / "runs" / run_id, Pace(sleep=lambda _: None)
    try:
        return emit(
            engine, folder, run_id, "mass", made, policy=(), clock=lambda: MONDAY, pace=pace
        )
    finally:
        engine.dispose()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve(Path(sys.argv[2])))
    else:
        emit_once(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
