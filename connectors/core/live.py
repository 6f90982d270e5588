"""What contacts people, and what has to hold before it may: nothing real leaves by accident.

A destination that reaches people says `is_live = True`. It is used only where the installation is
production's, the run was asked to be live, its credentials are there, and no test address is set.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from connectors.core import registry
from connectors.core.errors import FixConfig

if TYPE_CHECKING:
    from connectors.core.delivery import Destination, Outcome, OutMessage
    from connectors.core.settings import Settings

PRODUCTION: Final = "production"
NOT_LIVE: Final = "not_live"
"""Why a message to a barred destination is refused."""

TESTER: Final = "test"
"""Stands for the person in a copy to the test address: no tool may take it for a real contact."""


@dataclass(frozen=True)
class Barred:
    """A destination that may not be used in this run; `why` says what is missing, in a sentence."""

    name: str
    why: str
    batch_size: int = 1_000
    idempotent: bool = False
    is_barred: bool = True

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Refuse: nothing may leave this way."""
        remedy = f"The {len(messages)} messages of batch {batch_id[:8]} stay here."
        raise FixConfig(self.why, f"destination {self.name}", remedy)

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Tell nothing; a live run can ask."""
        del batch_id
        return None


@dataclass(frozen=True)
class Redirected:
    """A destination in test mode: whatever it is given goes to one address, as nobody's message."""

    inner: Destination
    address: str

    @property
    def name(self) -> str:
        """The destination's own."""
        return self.inner.name

    @property
    def batch_size(self) -> int:
        """The destination's own."""
        return self.inner.batch_size

    @property
    def idempotent(self) -> bool:
        """The destination's own."""
        return self.inner.idempotent

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Hand over copies: no key, address or id of anybody, marked as a test."""
        copies = [
            replace(
                message, message_key=f"{TESTER}-{batch_id}-{number}", address=self.address,
                person_id=TESTER, is_test=True,
            )
            for number, message in enumerate(messages)
        ]  # fmt: skip
        return self.inner.deliver(batch_id, copies)

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Nothing of a test is in the ledger, so there is nothing to read back."""
        del batch_id
        return None


def check_live(settings: Settings, *, live: bool) -> None:
    """Raise `FixConfig` for a live run where real people must not be reached."""
    if live and settings.environment != PRODUCTION and not settings.test_address:
        what = f"this installation is {settings.environment}: it may not contact real people"
        remedy = (
            "Run without --live, set PARLEY_TEST_ADDRESS to get copies yourself, or set"
            " PARLEY_ENVIRONMENT=production where this is production."
        )
        raise FixConfig(what, "PARLEY_ENVIRONMENT", remedy)


def destinations(
    settings: Settings, names: Collection[str], *, live: bool
) -> dict[str, Destination]:
    """Make these destinations, as far as a run may use them; the others are barred.

    In test mode all of them are redirected, and write under a home of their own.
    """
    check_live(settings, live=live)
    return {name: _made(settings, name, live=live) for name in sorted(names)}


def barred(made: Mapping[str, Destination]) -> dict[str, str]:
    """The destinations that may not be used, and why."""
    return {name: each.why for name, each in made.items() if isinstance(each, Barred)}


def usable(made: Mapping[str, Destination]) -> dict[str, Destination]:
    """The destinations that may be used."""
    return {name: each for name, each in made.items() if not isinstance(each, Barred)}


def _made(settings: Settings, name: str, *, live: bool) -> Destination:
    factory = registry.destination(name)
    # Copies must not be taken for what was sent: not by people, not by the next run.
    used = settings
    if settings.test_address:
        used = settings.model_copy(update={"home": settings.tests_dir})
    try:
        made = factory(used)
    except FixConfig as error:
        return Barred(name, f"it is not set up: {error}")
    if getattr(made, "is_live", False) and not live:
        return Barred(name, "it contacts people, and this run is not live (`--live`)")
    return Redirected(made, settings.test_address) if settings.test_address else made
