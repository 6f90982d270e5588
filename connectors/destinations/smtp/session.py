"""One connection to a mail server, opened when it is needed and used for many emails."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from connectors.core.delivery import Outcome
from connectors.core.errors import FixConfig
from connectors.core.mail_server import SmtpSettings
from connectors.destinations.smtp.connecting import PERMANENT, connect, numbers
from connectors.destinations.smtp.letter import Letter

Reply = tuple[int, bytes]
SUCCESS, TRANSIENT, REFUSED = range(200, 300), range(400, 500), range(400, 600)
GO_ON, CLOSING = 354, 421
# The server wants a login, or another one: it says nothing of the recipient.
WANTS_LOGIN: Final = frozenset({530, 534, 535, 538})
# A server that has all of an email may take longer over it than over a command (RFC 5321).
PATIENCE: Final = 10
GOODBYE_SECONDS: Final = 2.0
LOST: Final = "the connection was lost before the email had left"
UNANSWERED: Final = "the connection was lost before the server answered"


class Lost(Exception):
    """The connection is gone, and the email had surely not left."""


@dataclass
class Session:
    """A connection to the server, which may be closed."""

    settings: SmtpSettings = field(repr=False)
    _smtp: smtplib.SMTP | None = field(default=None, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._smtp is not None

    def deliver(self, letter: Letter, leaves: Callable[[], None]) -> Outcome:
        """Hand an email over; "waiting" where it surely did not arrive, but may be sent again.

        `leaves` is called just before the sign goes out by which the server has all of it.

        Raises:
            RetryLater: there is no connection to be had now; the email did not leave.
            FixConfig: the server wants something else of the settings; the email did not leave.
        """
        if self._smtp is not None:
            with suppress(Lost):  # the server may have closed it meanwhile
                return self._deliver(self._smtp, letter, leaves)
        self._smtp = connect(self.settings)
        try:
            return self._deliver(self._smtp, letter, leaves)
        except Lost:
            return Outcome(letter.message_key, "waiting", LOST)

    def close(self, *, politely: bool = False) -> None:
        """End the connection; `politely`: tell the server first."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        if politely:
            with suppress(OSError, smtplib.SMTPException):
                if smtp.sock is not None:
                    smtp.sock.settimeout(GOODBYE_SECONDS)
                smtp.quit()
        smtp.close()

    def _deliver(self, smtp: smtplib.SMTP, letter: Letter, leaves: Callable[[], None]) -> Outcome:
        for command, arguments, wanted in self._envelope(smtp, letter):
            reply = self._asked(smtp, command, arguments)
            if reply[0] not in wanted:
                return self._not_wanted(smtp, command, letter, reply)
        try:
            smtp.send(letter.data.replace(b"\r\n.", b"\r\n.."))
        except (OSError, smtplib.SMTPException):
            raise self._lost() from None
        try:
            leaves()
        except BaseException:
            self.close()  # half an email is under way
            raise
        try:
            reply = self._ended(smtp)
        except (OSError, smtplib.SMTPException):
            self.close()
            return Outcome(letter.message_key, "unknown", UNANSWERED)
        return self._outcome(letter, reply)

    def _envelope(
        self, smtp: smtplib.SMTP, letter: Letter
    ) -> tuple[tuple[str, str, Container[int]], ...]:
        """The commands before an email, and what they have to be answered by."""
        sender = self.settings.bounces or self.settings.sender
        mail, rcpt = f"FROM:<{sender}>", f"TO:<{letter.recipient}>"
        if smtp.has_extn("dsn"):
            mail += f" RET=HDRS ENVID={_xtext(letter.message_key)}"
            rcpt += f" NOTIFY=FAILURE,DELAY ORCPT=rfc822;{_xtext(letter.recipient)}"
        return ("MAIL", mail, SUCCESS), ("RCPT", rcpt, SUCCESS), ("DATA", "", (GO_ON,))

    def _asked(self, smtp: smtplib.SMTP, command: str, arguments: str = "") -> Reply:
        try:
            reply = smtp.docmd(command, arguments)
        except (OSError, smtplib.SMTPException):
            raise self._lost() from None
        return reply

    def _not_wanted(
        self, smtp: smtplib.SMTP, command: str, letter: Letter, reply: Reply
    ) -> Outcome:
        """What becomes of an email that the server does not want before it has seen it."""
        code = reply[0]
        if code not in REFUSED:
            raise self._lost()  # not an answer to what was asked
        if code in WANTS_LOGIN or (command == "MAIL" and code in PERMANENT):
            self.close()
            what = f"the mail server refuses the sender: {numbers(reply)}"
            raise FixConfig(what, "PARLEY_SMTP__SENDER, __USER", "Set what the server accepts.")
        said = self._outcome(letter, reply)
        if self.is_open:
            with suppress(Lost):
                self._asked(smtp, "RSET")
        return said

    def _ended(self, smtp: smtplib.SMTP) -> Reply:
        """Send the sign that ends an email, and wait for what the server says of it."""
        usual = self.settings.timeout_seconds
        if smtp.sock is not None:
            smtp.sock.settimeout(usual * PATIENCE)
        smtp.send(b".\r\n")
        reply = smtp.getreply()
        if smtp.sock is not None:
            smtp.sock.settimeout(usual)
        return reply

    def _outcome(self, letter: Letter, reply: Reply) -> Outcome:
        code, key, said = reply[0], letter.message_key, numbers(reply)
        if code == CLOSING or not (code in SUCCESS or code in REFUSED):
            self.close()
        if code in SUCCESS:
            return Outcome(key, "accepted", said)
        if code in PERMANENT:
            return Outcome(key, "rejected", said)
        return Outcome(key, "waiting" if code in TRANSIENT else "unknown", said)

    def _lost(self) -> Lost:
        self.close()
        return Lost()


def _xtext(text: str) -> str:
    """A value as RFC 3461 writes it."""
    return "".join(
        each if "!" <= each <= "~" and each not in "+=" else f"+{ord(each):02X}" for each in text
    )
