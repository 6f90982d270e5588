"""The destination: a batch over several connections at a time, one outcome for each message."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from connectors.core.clock import utc_now
from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import FixConfig, ParleyError, RetryLater, SkipRecord
from connectors.core.settings import Settings
from connectors.destinations.smtp import journal
from connectors.destinations.smtp.connecting import check
from connectors.destinations.smtp.journal import Journal
from connectors.destinations.smtp.letter import Writer, writer
from connectors.destinations.smtp.pace import Turns
from connectors.destinations.smtp.session import Session

# Connections lost in a row after which one is given up for the rest of a batch.
STRIKES: Final = 3
NOT_REACHED: Final = "the mail server took no more of them"


class SmtpDestination:
    """Sends emails to people by a mail server. Accepting is sending: only failures are reported.

    `folder`: where it is noted what leaves. Connections stay open from batch to batch.
    """

    name = "smtp"
    # A batch is one transaction of the ledger before it and one after: these take as long as
    # some ten emails.
    batch_size = 200
    idempotent = False
    is_live = True
    accepted_is_sent = True

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        """Raise `FixConfig` where emails could not leave by these settings."""
        server = settings.smtp
        check(server)
        self._writer = writer(settings, clock)
        self._folder = settings.out_dir / "smtp"
        self._turns = Turns(server.per_domain_per_second)
        self._sessions = [Session(server) for _ in range(server.connections)]
        self._journal: Journal | None = None
        self._noted = ""
        journal.forget_old(self._folder)
        weakref.finalize(self, _take_leave, self._sessions)

    def __repr__(self) -> str:
        """Show nothing of the settings."""
        return f"SmtpDestination({len(self._sessions)} connections)"

    def announce(self, batch_id: str) -> None:
        """Note that a batch begins, before the ledger commits that it does.

        The process may die between that and `deliver`: then nothing of it has left.
        """
        with suppress(ParleyError):  # `deliver` will say so
            self._begin(batch_id)

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Send messages, each on its own; "waiting" is what may be sent again.

        Raises `RetryLater` or `FixConfig` where surely nothing was taken, because the server
        cannot be reached or does not accept the settings.
        """
        begun = self._journal
        if begun is None or begun.batch_id != batch_id:
            begun = self._begin(batch_id)
        try:
            return _Round(self._writer, self._turns, begun).run(self._sessions, messages)
        finally:
            self._end()

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """What this machine noted of a batch; None where it noted nothing that can be believed."""
        return journal.read(self._folder, batch_id)

    def _begin(self, batch_id: str) -> Journal:
        self._end()
        if self._noted not in {"", batch_id}:  # its outcomes are recorded by now
            journal.forget(self._folder, self._noted)
        self._journal = journal.begin(self._folder, batch_id)
        self._noted = batch_id
        return self._journal

    def _end(self) -> None:
        begun, self._journal = self._journal, None
        if begun:
            begun.close()


@dataclass
class _Round:
    """One batch on its way. `answered`: what the server had, or may have had."""

    writer: Writer
    turns: Turns
    journal: Journal
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    answered: bool = False
    stopped: bool = False
    trouble: ParleyError | None = None

    def run(self, sessions: Sequence[Session], messages: Sequence[OutMessage]) -> list[Outcome]:
        self.turns.fill(messages)
        used = sessions[: max(1, len(messages))]
        with ThreadPoolExecutor(len(used), "smtp") as pool:
            try:
                list(pool.map(self._work, used))
            finally:
                self.stopped = True  # interrupted: no others begin
        if self.trouble and not self.answered:
            raise self.trouble
        keys = [message.message_key for message in messages]
        why = self.trouble.what if self.trouble else NOT_REACHED
        return [self.outcomes.get(key) or Outcome(key, "waiting", why) for key in keys]

    def _work(self, session: Session) -> None:
        """Send by one connection until there is no more to send, or it is of no use."""
        strikes = 0
        while not self.stopped and strikes < STRIKES:
            message = self.turns.take()
            if message is None:
                return
            try:
                state = self._send(session, message)
            except RetryLater as error:  # this connection cannot be had; others may
                self.turns.give_back(message)
                self.trouble = self.trouble or error
                return
            except FixConfig as error:
                self.trouble, self.stopped = error, True
                return
            if state == "unknown":
                return  # one, and not one after the other, if the server fails at each
            strikes = strikes + 1 if state == "waiting" and not session.is_open else 0

    def _send(self, session: Session, message: OutMessage) -> str:
        """Send one message; the state that it is in."""
        key = message.message_key

        def leaves() -> None:
            self.journal.leaves(key)
            self.left.add(key)

        try:
            outcome = session.deliver(self.writer.write(message), leaves)
        except SkipRecord as error:
            self.outcomes[key] = Outcome(key, "rejected", error.what)
            return "rejected"
        except ParleyError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            session.close()
            state: Literal["unknown", "waiting"] = "unknown" if key in self.left else "waiting"
            outcome = Outcome(key, state, f"it failed: {type(error).__name__}")
        self.answered = self.answered or outcome.state != "waiting"
        self.journal.said(outcome)
        self.outcomes[key] = outcome
        return outcome.state


def _take_leave(sessions: Iterable[Session]) -> None:
    for session in sessions:
        session.close(politely=True)
