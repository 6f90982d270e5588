"""Ask a destination that keeps lists: all of it may be repeated, and one bad row stops no other."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from connectors.core.audience import MemberOutcome
from connectors.core.errors import ParleyError, RetryLater, SkipRecord

# A destination that asks for more patience than this gets it by the next sync.
LONGEST_WAIT_SECONDS: Final = 60.0
ATTEMPTS: Final = 5


class Named(Protocol):
    """Somebody on a list, or on the way to it or off it."""

    @property
    def member_key(self) -> str:
        """The node of their address."""
        ...


Done = TypeVar("Done")
Some = TypeVar("Some", bound=Named)


@dataclass(frozen=True)
class Asking:
    """Calls of one destination."""

    name: str
    sleep: Callable[[float], None] = time.sleep

    def once(self, call: Callable[[], Done]) -> Done:
        """Call, with as much patience as the destination asks for.

        Raises:
            RetryLater: it asks for more than that, or nobody knows what became of the call.
            ParleyError: as the destination says.
        """
        attempt = 1
        while True:
            try:
                return call()
            except RetryLater as error:
                if attempt == ATTEMPTS or not 0 < error.after_seconds <= LONGEST_WAIT_SECONDS:
                    raise
                wait = error.after_seconds
            except ParleyError:
                raise
            except Exception as error:  # noqa: BLE001 - the destination's contract
                wait, what = -1.0, f"nobody knows what became of a call ({type(error).__name__})"
            if wait < 0:  # raised outside the handler: its text may show what was sent
                raise RetryLater(what, f"destination {self.name}", "Sync again; it is repeated.")
            self.sleep(wait)
            attempt += 1

    def each(
        self, call: Callable[[Sequence[Some]], list[MemberOutcome]], some: Sequence[Some]
    ) -> list[MemberOutcome]:
        """Call with all of them; where some row is to blame, with halves, until it is alone."""
        if not some:
            return []
        try:
            return self.once(lambda: call(some))
        except SkipRecord as error:
            what = error.what
        if len(some) == 1:
            return [MemberOutcome(some[0].member_key, "rejected", detail=what)]
        middle = len(some) // 2
        return self.each(call, some[:middle]) + self.each(call, some[middle:])
