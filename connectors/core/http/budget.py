"""How often a vendor may be called: so many calls in so many seconds, kept by waiting."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

Sleep = Callable[[float], None]


@dataclass
class Budget:
    """At most `calls` requests in any `seconds` to one origin, over all clients of this process."""

    calls: int
    seconds: float
    ticks: Callable[[], float] = time.monotonic
    _made: dict[object, deque[float]] = field(
        default_factory=lambda: defaultdict(deque), init=False
    )
    _lock: Lock = field(default_factory=Lock, init=False)

    def spend(self, origin: object, sleep: Sleep) -> None:
        """Wait until one more call is within the budget, and count it."""
        while (wait := self._try(origin)) > 0:
            sleep(wait)

    def _try(self, origin: object) -> float:
        with self._lock:
            made, now = self._made[origin], self.ticks()
            while made and made[0] <= now - self.seconds:
                made.popleft()
            if len(made) >= self.calls:
                return made[0] + self.seconds - now
            made.append(now)
            return 0.0
