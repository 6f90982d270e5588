"""The values that the ledger and destinations exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class OutMessage:
    """A message on its way out. `content` says what to show, `evidence` the fact it answers.

    `language` is the one that its reader wants, in two letters; '' where that is not known.
    `contact_hours` says when a call may be made, in words. `is_test`: it is a copy for
    whoever tries the installation, and says so.
    """

    message_key: str
    address: str
    person_id: str
    programme: str
    campaign_id: str | None
    step: int
    variant: str | None
    channel: str
    send_after: datetime | None
    content: Mapping[str, Any]
    evidence: Mapping[str, Any]
    purpose: str = "marketing"
    language: str = ""
    expires_at: datetime | None = None
    contact_hours: str = ""
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a destination says about one message; `detail` holds no address and no secret.

    "waiting": surely not accepted, and worth trying again later. "rejected" with a detail that
    begins like a mail server's word that there is no such mailbox ("550 5.1.1", RFC 3463): a hard
    bounce, by which the address is suppressed at once.
    """

    message_key: str
    state: Literal["accepted", "rejected", "unknown", "waiting"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CallBudget:
    """At most `calls` calls of a destination in any `seconds`, over all runs and processes."""

    calls: int
    seconds: float


@runtime_checkable
class Destination(Protocol):
    """Where messages go. `idempotent`: delivering a batch_id twice has the effect of once.

    A destination may also have `budget`, a `CallBudget`; `accepted_is_sent`, whether nothing
    follows once it accepted; `is_live`, whether it reaches people; and `announce(batch_id)`, which
    is called before the ledger commits that a batch is under way.
    """

    @property
    def name(self) -> str:
        """The destination's name in the ledger."""
        ...

    @property
    def batch_size(self) -> int:
        """The most messages that one call of `deliver` takes."""
        ...

    @property
    def idempotent(self) -> bool:
        """Whether a repeated delivery of one batch_id is absorbed."""
        ...

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Hand over messages; one outcome each, "unknown" where the answer was lost.

        Raises, and is believed:
            RetryLater: surely nothing of the batch was accepted (no connection, a 429). It is
                tried again, after `after_seconds` if that is given; then it waits.
            SkipRecord: it was refused whole because of some row, and nothing of it was accepted.
                It comes again in halves, until each bad row is alone and rejected.
            FixConfig: nothing was accepted, nor will be until somebody changes something.

        Whatever else it raises means that nobody knows: the batch is read back by `lookup`, and
        what that cannot tell stays unknown and is never sent again.
        """
        ...

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Read a batch back: its outcomes, [] when it surely never arrived, None if unknowable.

        A message it does not mention did not arrive. What it raises means: ask again later.
        """
        ...
