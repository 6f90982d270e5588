"""The destination's side of a batch: hand it over, and do what the destination's answer asks for.

By what `deliver` does:
- it returns outcomes: they are recorded, one by one. What it put off is tried again at the end of
  the delivery; then it waits.
- `RetryLater`: nothing arrived. Again after a wait, `TRIES` times; then the messages wait.
- `SkipRecord`: refused whole for some row. Halved until the rows are alone; those are rejected.
- `FixConfig`: nothing arrived, and nothing will before somebody mends it.
- anything else: nobody knows. What the destination can tell is recorded; the rest is unknown.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

from connectors.core.delivery import Destination, Outcome, OutMessage
from connectors.core.errors import FixConfig, ParleyError, RetryLater, SkipRecord, StopRun
from connectors.ledger.emission.batches import Batch, Emission, claim_batch, record_batch, take_back
from connectors.ledger.emission.budgets import call_within
from connectors.ledger.emission.verdicts import Verdicts, heard, settle

log = logging.getLogger("parley")

TRIES: Final = 4
LONGEST_WAIT_SECONDS: Final = 60.0
# Batches in a row without an answer, after which a destination is left alone for this emission.
STRIKES: Final = 3
# Calls that one refused batch is worth: 2 * log2(n) for each bad row. Beyond that something is
# wrong with all of them.
MOST_HALVES: Final = 500
# Messages that were put off, of which so many are kept to be tried again.
MOST_PUT_OFF: Final = 2_000
PROGRAMME: Final = attrgetter("programme")
Parcel = tuple[Sequence[OutMessage], int]


@dataclass
class Handover:
    """How one destination does in one emission; `tally` counts outcomes by state.

    `stopped`: why nothing more is handed to it. `trouble`: why messages of it wait, if any do.
    """

    emission: Emission
    destination: Destination
    tally: Counter[str]
    strikes: int = 0
    stopped: ParleyError | None = None
    trouble: ParleyError | None = None
    _parcels: list[Parcel] = field(default_factory=list)
    _halves: int = 0
    _put_off: list[OutMessage] = field(default_factory=list)

    def hand_over(self, messages: Sequence[OutMessage]) -> None:
        """Deliver messages as one batch, or in parts if it is refused whole.

        What cannot be delivered now stays reserved. Raises `StopRun` if the emission lost its
        lease, or a batch to somebody else.
        """
        self._parcels, self._halves = [(messages, 1)], 0
        while self._parcels and not self.stopped:
            self._try(*self._parcels.pop())

    def try_again(self) -> None:
        """Hand over once more what was put off, in batches of one programme as before."""
        put_off, self._put_off = sorted(self._put_off, key=PROGRAMME), []
        if put_off and not self.stopped:
            self.emission.cancel_used_up()
            self.emission.pace.sleep(1.0)
        for _, group in groupby(put_off, PROGRAMME):
            messages, size = list(group), self.destination.batch_size
            for first in range(0, len(messages), size):
                self.hand_over(messages[first : first + size])
        if self._put_off:
            self.trouble = self.trouble or self._busy("some messages are put off")
            self._put_off.clear()

    def _try(self, messages: Sequence[OutMessage], tries: int) -> None:
        budget = getattr(self.destination, "budget", None)
        pace, engine = self.emission.pace, self.emission.engine
        with call_within(engine, self.destination.name, budget, pace):
            announce = getattr(self.destination, "announce", None)
            batch = claim_batch(self.emission, messages, announce)
            if batch is None:
                return
            said = self._deliver(batch)
        if isinstance(said, RetryLater):
            self._later(batch, said, tries)
        elif isinstance(said, SkipRecord):
            self._refused(batch, said)
        elif isinstance(said, FixConfig):
            take_back(self.emission, batch, said.what, counts=False)
            self.stopped = self.trouble = said
        elif isinstance(said, Exception):
            self._unanswered(batch, said, tries)
        else:
            self._told(batch, said, tries)

    def _deliver(self, batch: Batch) -> Verdicts | Exception:
        try:
            outcomes = self.destination.deliver(batch.batch_id, batch.messages)
            return settle(batch.keys, outcomes)
        except Exception as error:  # noqa: BLE001 - each destination has its own
            return error

    def _record(self, batch: Batch, verdicts: Verdicts) -> None:
        record_batch(self.emission, batch, verdicts, self.destination)
        self.tally.update(state for state, _ in verdicts.values() if state != "reserved")

    def _told(self, batch: Batch, verdicts: Verdicts, tries: int) -> None:
        """Record what was said of each; a batch of which all is put off never arrived."""
        put_off = [each for each in batch.messages if verdicts[each.message_key][0] == "reserved"]
        if len(put_off) == len(batch.messages):
            self._later(batch, self._busy(verdicts[batch.keys[0]][1] or "it is put off"), tries)
            return
        self._record(batch, verdicts)
        room = MOST_PUT_OFF - len(self._put_off)
        self._put_off += put_off[:room]
        if len(put_off) > room:
            self.trouble = self.trouble or self._busy("many messages are put off")
        if {state for state, _ in verdicts.values()} <= {"unknown", "reserved"}:
            self._strike(self._busy("it answers nothing any more"))
        else:
            self.strikes = 0

    def _busy(self, what: str) -> RetryLater:
        return RetryLater(what, self._where(), "Run again later.")

    def _later(self, batch: Batch, error: RetryLater, tries: int) -> None:
        """Nothing arrived: wait as long as is asked for, unless that is too long or too often."""
        take_back(self.emission, batch, error.what, counts=True)
        wait = max(error.after_seconds, float(2 ** (tries - 1)))
        if tries < TRIES and wait <= LONGEST_WAIT_SECONDS:
            self.emission.cancel_used_up()
            self.emission.pace.sleep(wait)
            self._parcels.append((batch.messages, tries + 1))
            return
        self.trouble = error
        self._strike(error)
        if wait > LONGEST_WAIT_SECONDS:
            self.stopped = error

    def _refused(self, batch: Batch, error: SkipRecord) -> None:
        """Refused whole: halve it, each half a batch of its own, until the bad rows are alone."""
        self.strikes = 0
        if len(batch.messages) == 1:
            self._record(batch, {batch.keys[0]: ("rejected", error.what)})
            return
        take_back(self.emission, batch, error.what, counts=False, keeps_id=False)
        self._halves += 2
        if self._halves > MOST_HALVES:
            what = f"The destination refuses too many rows to find them one by one: {error.what}"
            remedy = "Mend what it says; what was not delivered is planned again."
            self.stopped = self.trouble = StopRun(what, self._where(), remedy)
            return
        middle = len(batch.messages) // 2
        self._parcels += [(batch.messages[middle:], 1), (batch.messages[:middle], 1)]

    def _unanswered(self, batch: Batch, error: Exception, tries: int) -> None:
        """Nobody knows what arrived: ask at once, and believe what is told.

        "It never arrived" is not believed of a request that may still be on its way, unless the
        destination would absorb the same batch arriving twice.
        """
        why = error.what if isinstance(error, ParleyError) else type(error).__name__
        log.warning("no answer about batch %s of %s: %s", batch.batch_id, self._where(), why)
        found = read_back(self.emission, self.destination, batch.batch_id)
        if found is not None and not found and self.destination.idempotent:
            what = f"The batch never arrived: {why}"
            self._later(batch, RetryLater(what, self._where(), "Run again later."), tries)
            return
        told, unknown = found or {}, ("unknown", f"no answer: {why}")
        verdicts = {key: told.get(key, unknown) for key in batch.keys}
        self._record(batch, verdicts)
        if unknown in verdicts.values():
            remedy = "See `parley status` for what is unknown; look at the destination."
            self._strike(StopRun(f"No answer: {why}", self._where(), remedy))

    def _strike(self, error: ParleyError) -> None:
        self.strikes += 1
        if self.strikes >= STRIKES:
            self.stopped = self.trouble = error

    def _where(self) -> str:
        return f"destination {self.destination.name}"


def read_back(
    emission: Emission, destination: Destination, batch_id: str
) -> dict[str, tuple[str, str]] | None:
    """Ask what became of a batch, within the budget: as `lookup`; None also if it fails to say."""
    try:
        return asked(emission, destination, batch_id)
    except Exception as error:  # noqa: BLE001 - each destination has its own
        name = type(error).__name__
        log.warning("batch %s cannot be read back now: %s", batch_id, name)
        return None


def asked(
    emission: Emission, destination: Destination, batch_id: str
) -> dict[str, tuple[str, str]] | None:
    """Ask what became of a batch, within the budget; what `lookup` raises passes through."""
    budget = getattr(destination, "budget", None)
    with call_within(emission.engine, destination.name, budget, emission.pace):
        found: Iterable[Outcome] | None = destination.lookup(batch_id)
        return None if found is None else heard(found)
