"""A destination that fails as it is told, and an emission that sleeps in no time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from outbox_kit import MONDAY, POLICY, Outbox

from connectors.core.delivery import CallBudget, Destination, Outcome, OutMessage
from connectors.ledger.emission.budgets import Pace
from connectors.ledger.emission.outbox import EmitResult, emit


@dataclass
class Troubled:
    """Raises what `trouble` gives for a batch; else accepts it. It counts what it accepted."""

    trouble: Callable[[str, Sequence[OutMessage]], BaseException | None] = lambda *_: None
    name: str = "file"
    batch_size: int = 4
    idempotent: bool = False
    takes_before_it_fails: bool = False
    found: Callable[[str], list[Outcome] | None] = lambda _: None
    budget: CallBudget | None = None
    calls: list[tuple[str, list[str]]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        keys = [message.message_key for message in messages]
        self.calls.append((batch_id, keys))
        error = self.trouble(batch_id, messages)
        if error is None or self.takes_before_it_fails:
            self.accepted += keys
        if error is not None:
            raise error
        return [Outcome(key, "accepted") for key in keys]

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        return self.found(batch_id)


class Sleeps(list[float]):
    """Remembers the waits that were asked for, and takes none."""

    @property
    def pace(self) -> Pace:
        return Pace(sleep=self.append)


def in_turn(*errors: BaseException | None) -> Callable[..., BaseException | None]:
    """Give these one call after the other, then none."""
    left = [*errors]
    return lambda *_: left.pop(0) if left else None


def emit_to(
    outbox: Outbox,
    rows: Sequence[Mapping[str, Any]] | None,
    *destinations: Destination,
    run_id: str = "r1",
    clock: Callable[[], datetime] = lambda: MONDAY,
    sleeps: Sleeps | None = None,
) -> EmitResult:
    """Emit rows (None: what the run planned already) to these destinations."""
    if rows is not None:
        outbox.plan(rows, run_id)
    pace = (Sleeps() if sleeps is None else sleeps).pace
    made = {each.name: each for each in destinations}
    folder = outbox.home / "runs" / run_id
    return emit(outbox.engine, folder, run_id, "mass", made, policy=POLICY, clock=clock, pace=pace)
