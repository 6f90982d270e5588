"""Which email goes next: the recipients' domains take turns, each as often as it may."""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from connectors.core.delivery import OutMessage


class Turns:
    """Gives messages out to several threads.

    No recipients' domain gets more than `per_second` messages a second, 0 for no limit, over all
    batches of this process.
    """

    def __init__(
        self,
        per_second: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with nothing to give out."""
        self._gap = 1 / per_second if per_second else 0.0
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._waiting: dict[str, deque[OutMessage]] = {}
        self._turn = 0

    def fill(self, messages: Iterable[OutMessage]) -> None:
        """Give these out from now on, and no others."""
        now = self._now()
        self._due = {domain: due for domain, due in self._due.items() if due > now}
        self._heap, self._waiting = [], {}
        for message in messages:
            self._waiting.setdefault(_domain(message), deque()).append(message)
        for domain in self._waiting:
            self._push(domain, self._due.get(domain, 0.0))

    def take(self) -> OutMessage | None:
        """The next message, when it is its turn; None where all are given out."""
        with self._lock:
            if not self._heap:
                return None
            due, _, domain = heapq.heappop(self._heap)
            waiting, now = self._waiting[domain], self._now()
            message = waiting.popleft()
            at = max(due, now)
            if self._gap:
                self._due[domain] = at + self._gap
            if waiting:
                self._push(domain, at + self._gap if self._gap else 0.0)
        if at > now:
            self._sleep(at - now)
        return message

    def give_back(self, message: OutMessage) -> None:
        """Let another thread take a message that could not be sent."""
        domain = _domain(message)
        with self._lock:
            waiting = self._waiting[domain]
            waiting.append(message)
            if len(waiting) == 1:
                self._push(domain, self._due.get(domain, 0.0))

    def _push(self, domain: str, due: float) -> None:
        self._turn += 1
        heapq.heappush(self._heap, (due, self._turn, domain))


def _domain(message: OutMessage) -> str:
    return message.address.rpartition("@")[2].lower()
