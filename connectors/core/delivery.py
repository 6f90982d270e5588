"""The values that the ledger and destinations exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class OutMessage:
    """A message on its way out. `content` says what to show, `evidence` the fact it answers."""

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a destination says about one message; `detail` holds no address and no secret."""

    message_key: str
    state: Literal["accepted", "rejected", "unknown"]
    detail: str = ""


@runtime_checkable
class Destination(Protocol):
    """Where messages go. `idempotent`: delivering a batch_id twice has the effect of once."""

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
        """Hand over messages; one outcome each, "unknown" where the answer was lost."""
        ...

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Read a batch back: its outcomes, [] when it surely never arrived, None if unknowable."""
        ...
