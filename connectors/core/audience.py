"""The values that audience sync and list-like destinations exchange.

A list accepting someone is not a message sent: nothing here enters the outbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person who belongs on a list. `member_key` is the node of the address, never the address.

    `properties` are what the destination is to know, by Parley's names. `vendor_id` is what the
    destination called them when they were put there before; '' for who is new to it. `is_listed`:
    they are on the list already, and only their properties changed.
    """

    member_key: str
    address: str
    properties: Mapping[str, Value]
    vendor_id: str = ""
    is_listed: bool = False


@dataclass(frozen=True, slots=True)
class Leaver:
    """A person who no longer belongs on a list, as the destination knows them.

    Their address may be forgotten by now: `vendor_id` is what `put` said.
    """

    member_key: str
    vendor_id: str


@dataclass(frozen=True, slots=True)
class MemberOutcome:
    """What became of one of them; `detail` holds no address and no secret.

    `vendor_id`: what the destination calls them, for `drop` and for the next `put`.
    """

    member_key: str
    state: Literal["done", "rejected", "unknown"]
    vendor_id: str = ""
    detail: str = ""


@runtime_checkable
class AudienceTarget(Protocol):
    """A destination that keeps lists of people. All it does may be repeated without harm.

    Every method raises `RetryLater`, `SkipRecord` and `FixConfig` in the sense of
    `connectors.core.delivery.Destination.deliver`; whatever else it raises means that nobody knows.
    """

    @property
    def name(self) -> str:
        """The destination's name in the ledger."""
        ...

    @property
    def put_size(self) -> int:
        """The most members that one call of `put` takes."""
        ...

    @property
    def drop_size(self) -> int:
        """The most leavers that one call of `drop` takes."""
        ...

    def list_id(self, audience: str) -> str:
        """Find the list of an audience by its name, or make it; the vendor's id of it."""
        ...

    def put(self, list_id: str, members: Sequence[Member]) -> list[MemberOutcome]:
        """Make these people known, with their properties, and members of the list."""
        ...

    def drop(self, list_id: str, leavers: Sequence[Leaver]) -> list[MemberOutcome]:
        """Take these people off the list. They stay known to the destination."""
        ...

    def members(self, list_id: str) -> Iterator[str]:
        """The `vendor_id` of everyone on the list, for a comparison with what should be there."""
        ...
