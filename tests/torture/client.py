"""The client of the loopback destination, as a connector would be written: errors by remedy."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse

from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import RetryLater, SkipRecord
from tests.torture.destination import CLIENT_SECONDS, FLAVOURS

Reached = Callable[[str], None]


def busy(name: str) -> RetryLater:
    """Nothing was accepted."""
    what = "It is busy"
    return RetryLater(what, name, "Wait.")


def refused(name: str) -> SkipRecord:
    """The batch was refused whole."""
    what = "It does not want a row of this batch"
    return SkipRecord(what, name, "Leave it out.")


def _nowhere(_point: str) -> None:
    return None


@dataclass
class Loopback:
    """Delivers to `tests.torture.destination`; `reached` is told of the points on the way."""

    name: str
    port: int
    reached: Reached = field(default=_nowhere)
    accepted_is_sent: bool = True

    @property
    def batch_size(self) -> int:
        """The most messages in a request."""
        return FLAVOURS[self.name].batch_size

    @property
    def idempotent(self) -> bool:
        """Whether it absorbs a batch that it knows."""
        return FLAVOURS[self.name].keyed

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Post a batch.

        Raises:
            RetryLater: nothing was accepted.
            SkipRecord: the batch was refused whole, for the sake of some of its messages.
            OSError, ValueError: nobody knows what became of it.
        """
        self.reached("delivering")
        told = [{"message_key": each.message_key, "address": each.address} for each in messages]
        connection = HTTPConnection("127.0.0.1", self.port, timeout=CLIENT_SECONDS)
        try:
            try:
                connection.connect()
            except ConnectionRefusedError:
                raise busy(self.name) from None
            connection.request("POST", f"/{self.name}/{batch_id}", json.dumps(told))
            self.reached("request sent")
            outcomes = self._answer(connection.getresponse())
        finally:
            connection.close()
        self.reached("response read")
        return outcomes

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Read a batch back where that can be done."""
        if not FLAVOURS[self.name].readable:
            return None
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20 * CLIENT_SECONDS)
        try:
            connection.request("GET", f"/{self.name}/{batch_id}")
            return _outcomes(connection.getresponse().read())
        finally:
            connection.close()

    def _answer(self, response: HTTPResponse) -> list[Outcome]:
        if response.status == 503:
            raise busy(self.name)
        if response.status == 400:
            raise refused(self.name)
        return _outcomes(response.read())


def _outcomes(body: bytes) -> list[Outcome]:
    return [Outcome(each["message_key"], each["state"]) for each in json.loads(body)]


def destinations(port: int, reached: Reached = _nowhere) -> dict[str, Loopback]:
    """One of each flavour, by name."""
    return {name: Loopback(name, port, reached) for name in FLAVOURS}
