"""Connecting to the mail server: encrypted, its certificate checked, logged in.

What is told of a server's answer is its numbers: its words may hold an address.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from connectors.core.errors import FixConfig, ParleyError, RetryLater
from connectors.core.mail_server import SmtpSettings

WHERE: Final = "destination smtp"
PERMANENT: Final = range(500, 600)
ENHANCED: Final = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})\b")


def check(settings: SmtpSettings) -> None:
    """Raise `FixConfig` where emails could not leave, or a password would not be encrypted."""
    for name, value in (("HOST", settings.host), ("SENDER", settings.sender)):
        if not value:
            what = "emails need a mail server and an address that they are from"
            raise FixConfig(what, f"PARLEY_SMTP__{name}", "Set it; .env.example shows how.")
    if (settings.user is None) != (settings.password is None):
        what = "a mail server's user and password belong together"
        raise FixConfig(what, "PARLEY_SMTP__USER, __PASSWORD", "Set both, or neither.")
    if settings.user and settings.tls == "none" and not is_loopback(settings.host):
        what = "the mail server's password would leave this machine unencrypted"
        raise FixConfig(what, "PARLEY_SMTP__TLS", "Set it to starttls or tls.")
    trust(settings.ca_file)


def connect(settings: SmtpSettings) -> smtplib.SMTP:
    """Open a connection over which emails can be sent.

    Raises:
        RetryLater: the server cannot be reached, or does not want to be now.
        FixConfig: it is not encrypted, not who it should be, or wants another login.
    """
    try:
        return _connected(settings)
    except ParleyError:
        raise
    except (OSError, smtplib.SMTPException) as error:
        problem = _problem(error)
    # Outside the handler: the chained error could show what the server said.
    raise problem


def numbers(reply: tuple[int, bytes | str]) -> str:
    """An answer's code and its enhanced status, where it has one: 550 5.1.1."""
    code, text = reply
    found = ENHANCED.match(text if isinstance(text, bytes) else text.encode())
    return f"{code} {found.group(1).decode()}" if found else str(code)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=10)
def trust(ca_file: Path | None) -> ssl.SSLContext:
    """What is believed of a server's certificate.

    Raises:
        FixConfig: the file holds no certificates.
    """
    try:
        context = ssl.create_default_context()
        if ca_file:
            context.load_verify_locations(ca_file)
    except OSError:
        what = "there are no certificates to be read"
        raise FixConfig(what, "PARLEY_SMTP__CA_FILE", "Set a file in PEM, or none.") from None
    return context


def _connected(settings: SmtpSettings) -> smtplib.SMTP:
    # By the sender's name: this machine's may not be known outside, and asking for it takes time.
    where = settings.host, settings.used_port, settings.domain
    timeout = settings.timeout_seconds
    smtp: smtplib.SMTP
    if settings.tls == "tls":
        smtp = smtplib.SMTP_SSL(*where, timeout=timeout, context=trust(settings.ca_file))
    else:
        smtp = smtplib.SMTP(*where, timeout=timeout)
    try:
        _secure(smtp, settings)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _secure(smtp: smtplib.SMTP, settings: SmtpSettings) -> None:
    if smtp.sock is not None:
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    smtp.ehlo_or_helo_if_needed()
    if settings.tls == "starttls":
        if smtp.has_extn("starttls"):
            smtp.starttls(context=trust(settings.ca_file))
            smtp.ehlo_or_helo_if_needed()
        elif not is_loopback(settings.host):
            what = "the mail server offers no encryption (STARTTLS)"
            remedy = "Set tls, or none where nobody else can listen; or ask whoever runs it."
            raise FixConfig(what, "PARLEY_SMTP__TLS", remedy)
    if settings.user and settings.password:
        smtp.login(settings.user.get_secret_value(), settings.password.get_secret_value())


def _problem(error: OSError | smtplib.SMTPException) -> ParleyError:
    """What it means that a connection could not be made, by what the server said."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what = "the mail server's certificate is not one to trust"
        return FixConfig(what, "PARLEY_SMTP__HOST, __CA_FILE", "Mend the name or the certificate.")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        what = "the mail server takes no login over this connection"
        return FixConfig(what, "PARLEY_SMTP__USER, __TLS", "Set what it wants.")
    if not isinstance(error, smtplib.SMTPResponseException):
        what = f"the mail server cannot be reached: {type(error).__name__}"
        return RetryLater(what, WHERE, "See that it runs and its name is right; run again.")
    said = numbers((error.smtp_code, error.smtp_error))
    if error.smtp_code not in PERMANENT:
        return RetryLater(f"the mail server is busy: {said}", WHERE, "Run again later.")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        what = f"the mail server does not take the login: {said}"
        return FixConfig(what, "PARLEY_SMTP__USER, __PASSWORD", "Set the right ones.")
    what = f"the mail server refuses this machine: {said}"
    return FixConfig(what, "PARLEY_SMTP__HOST", "Ask whoever runs it.")
